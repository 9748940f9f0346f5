"""Knowledge of step 2 about real hands: restored maps, accepted where their parts have come nearer to the joints.

A missing part costs as much as a present one: on the studio's true maps 3.5 px on average, within 6.4 px for 90 %. At
the map's diagonal, 68 px, parts that appear or vanish would outweigh all others, and the check would accept almost at
chance.
"""

restoration = dict(
    type='PartRestorationHook',
    window=17,  # px, W of Eq. 2
    probes=16,  # lists of the index that are searched for each patch
    rerank=200,  # patches that are compared
    missing=5.0,  # px of the 48x48 maps; the paper gives no cost of missing parts
    tolerance=0.0,  # px, summed over the joints: a map must have improved
    joints=None,  # all that have a part and a label
)
