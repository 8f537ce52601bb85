# Makes models for Wav2Lip in the folder of its source, for TestRealEngines: a mouth of random numbers, and a detector that takes any whole picture
# for a face.
import os
import sys

import torch

source = sys.argv[1]
sys.path.insert(0, source)
from face_detection.detection.sfd.net_s3fd import s3fd  # noqa: E402
from models import Wav2Lip  # noqa: E402

torch.manual_seed(0)
os.makedirs(os.path.join(source, "checkpoints"), exist_ok=True)
torch.save({"state_dict": Wav2Lip().state_dict()}, os.path.join(source, "checkpoints", "wav2lip_gan.pth"))

finder = s3fd()
for p in finder.parameters():
    p.data.zero_()
for name, layer in finder.named_modules():
    if name.endswith("_conf"):  # how sure it is of no face and of a face, for each size
        layer.bias.data[:2] = torch.tensor([0.0, 9.0] if name == "conv7_2_mbox_conf" else [9.0, 0.0])
torch.save(finder.state_dict(), os.path.join(source, "face_detection", "detection", "sfd", "s3fd.pth"))
