"""What EKD's students and its teacher have in common (Zhang et al. 2020).

The paper gives none of the weights. alpha = 20 for depths against pixels of a 128x128 input is, to our knowledge, that
of Iqbal et al. 2018, whose poses these are; here x and y run from -1 to 1, so that a pixel is 2 / 128.
"""

codec = dict(type='Latent25D', input_size=128, root='wrist', scale_bone=('wrist', 'index_mcp'))
loss = dict(type='PoseL1Loss', depth_weight=20 * 2 / 128)

# Eq. 4 with lambda = (0.1, 1, 1). A config of a data set adds the file of its bounds to both.
angles = dict(type='AngleRegularizer', weight=0.1, warmup=1000)
offset = dict(type='OffsetTeacher', offset_weight=1.0, modified_weight=1.0)
