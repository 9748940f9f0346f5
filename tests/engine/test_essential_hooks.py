from handkd.engine import FinalCheckpointHook, MonitorNamesHook, PlainCheckpointHook, essential_hooks


def test_what_no_run_does_without():
    kinds = [type(hook) for hook in essential_hooks(by_epoch=True)]
    assert {FinalCheckpointHook, MonitorNamesHook, PlainCheckpointHook} <= set(kinds) and len(kinds) == len(set(kinds))
