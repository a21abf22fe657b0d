import yaml

from data.command_line.renamed_options import present_names

RENAMED = {"model.own.temperature": "model.random_effects.posterior_scale"}


def test_former_options_are_taken_with_a_word(capsys):
    given = ["--fit.passes", "2", "--model.own.temperature", "0.3", "--model.own.temperature=0.4"]
    name = "--model.random_effects.posterior_scale"
    assert present_names(given, RENAMED) == ["--fit.passes", "2", name, "0.3", f"{name}=0.4"]
    said = "--model.own.temperature is called --model.random-effects.posterior-scale now"
    assert said in capsys.readouterr().err


def test_former_names_in_a_config_file_are_taken_too(tmp_path, capsys):
    file = tmp_path / "former.yaml"
    file.write_text("model:\n  own: {temperature: 0.3}\n  rank: 8\nseed: 2\n")
    expected = {"model": {"rank": 8, "random_effects": {"posterior_scale": 0.3}}, "seed": 2}
    flag, text = present_names(["--config", str(file)], RENAMED)
    assert flag == "--config"
    assert yaml.safe_load(text) == expected
    assert "goes soon" in capsys.readouterr().err
    (word,) = present_names([f"--config={file}"], RENAMED)
    assert yaml.safe_load(word.removeprefix("--config=")) == expected


def test_other_files_are_left_to_the_parser(tmp_path):
    file = tmp_path / "now.yaml"
    file.write_text("model:\n  rank: 8\n")
    (tmp_path / "broken.yaml").write_text("model: [")
    for name in (file, tmp_path / "broken.yaml", tmp_path / "missing.yaml"):
        given = ["--config", str(name), "--seed", "3"]
        assert present_names(given, RENAMED) == given
