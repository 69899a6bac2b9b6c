"""What settles a doubtful learning rate: three commands that differ in nothing else."""

import shlex

from advisor.advise.output.settle import EPOCHS, settle_commands


def test_three_learning_rates_are_tried_for_two_epochs_each(suggestion, tmp_path):
    advised = suggestion()
    commands = [shlex.split(command) for command in settle_commands(advised, tmp_path)]
    assert [words[:3] for words in commands] == [["advisor", "run", "train.py"]] * 3
    rates = [float(words[words.index("--lr") + 1]) for words in commands]
    assert rates[1] == advised.best.lr
    assert 2.5 < rates[1] / rates[0] < 3.5
    assert 2.5 < rates[2] / rates[1] < 3.5
    for words in commands:
        assert words[words.index("--epochs") + 1] == str(EPOCHS)
        assert words[words.index("--data-dir") + 1] == str(tmp_path)
        assert float(words[words.index("--warmup-epochs") + 1]) <= 1, "the rate must be reached within two epochs"
    others = [[word for word, before in zip(words[1:], words, strict=False) if before != "--lr"] for words in commands]
    assert others[0] == others[1] == others[2]
