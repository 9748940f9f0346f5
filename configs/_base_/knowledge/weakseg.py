"""What step 2 knows of real hands: restored maps, accepted where their parts have come nearer to the joints.

A missing part costs what one costs that is there: on the studio's true maps 3.5 px in the mean, 6.4 px for 90 %. At the
map's diagonal, 68 px, parts that come or go would outweigh all others, and the check would accept almost at chance.
"""

restoration = dict(
    type='PartRestorationHook',
    window=17,  # px, W of Eq. 2
    probes=16,  # lists of the index that are looked through for a patch
    rerank=200,  # patches that are compared
    missing=5.0,  # px of the 48x48 maps; the paper says nothing of missing parts
    tolerance=0.0,  # px, summed over the joints: a map must have become better
    joints=None,  # all that have a part and a label
)
