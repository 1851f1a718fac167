"""The nano that reads orders in words: a language model that writes down what they say, and its policy."""
