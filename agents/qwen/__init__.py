"""A Qwen3 decides: engines that read a satellite's report and choose among its legal actions."""
