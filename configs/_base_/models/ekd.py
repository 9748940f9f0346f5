"""What EKD's students have in common: the 2.5D pose and its loss (Zhang et al. 2020, section 4.2).

alpha = 20 for depths against pixels of a 128x128 input is, to our knowledge, that of Iqbal et al. 2018, whose poses
these are; here x and y run from -1 to 1, so that a pixel is 2 / 128. Where joint 0 is the palm's centre (LM, STB), the
bone from there is about half as long, and depths in units of it weigh twice as much.
"""

codec = dict(type='Latent25D', input_size=128, root='wrist', scale_bone=('wrist', 'index_mcp'))
loss = dict(type='PoseL1Loss', depth_weight=20 * 2 / 128)
