from experiments.running.cli import main


def test_a_row_for_each_number_of_revolutions(capsys):
    assert main(["deployment", "--satellites", "3", "--revolutions", "5", "10", "--two-body"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    few, many = ([float(number) for number in row.split()] for row in rows)
    assert (few[0], many[0]) == (5, 10)
    assert few[1] > many[1]  # patience is cheap
    assert few[3] < many[3]
    assert max(few[4], few[5], many[4], many[5]) < 0.1


def test_mistakes_are_one_sentence(capsys):
    assert main(["deployment", "--satellites", "0"]) == 2
    assert main(["deployment", "--satellites", "2", "--revolutions", "0"]) == 2
    assert capsys.readouterr().err.count("Error: ") == 2
