import torch

from handkd.models.mlp import mlp


def test_layers_have_names_and_no_activation_at_the_end():
    net = mlp([4, 3, 2])
    assert [name for name, _ in net.named_children()] == ['fc1', 'relu1', 'fc2']
    w1, b1, w2, b2 = net.state_dict().values()
    x = torch.randn(5, 4)
    torch.testing.assert_close(net(x), (x @ w1.T + b1).clamp(min=0) @ w2.T + b2)
