# Makes models of random numbers for SadTalker in the folder of its source, for TestRealEngines, run there with the Python of its environment:
# python tiny_sadtalker.py FOLDER STAND. In STAND it leaves a program `python`, which runs SadTalker with a stand-in for the finding of faces:
# a picture has one in its middle, unless it is of one colour. Its first two frames are drawn, and shown again for the rest: on a CPU two take a minute.
import os
import sys

import torch
import yaml
from safetensors.torch import save_file

source, stand = map(os.path.abspath, sys.argv[1:])
os.chdir(source)
sys.path.insert(0, source)
from facexlib.detection.retinaface import RetinaFace  # noqa: E402
from yacs.config import CfgNode  # noqa: E402

from src.audio2exp_models.networks import SimpleWrapperV2  # noqa: E402
from src.audio2pose_models.audio2pose import Audio2Pose  # noqa: E402
from src.face3d.models.networks import define_net_recon  # noqa: E402
from src.face3d.util.my_awing_arch import FAN  # noqa: E402
from src.facerender.modules.generator import OcclusionAwareSPADEGenerator  # noqa: E402
from src.facerender.modules.keypoint_detector import KPDetector  # noqa: E402
from src.facerender.modules.mapping import MappingNet  # noqa: E402

torch.manual_seed(0)
for folder in ("checkpoints", "gfpgan/weights", stand):
    os.makedirs(folder, exist_ok=True)
with open("src/config/facerender_still.yaml") as f:
    p = yaml.safe_load(f)["model_params"]
with open("src/config/auido2pose.yaml") as f:
    pose = CfgNode.load_cfg(f)
parts = {
    "face_3drecon": define_net_recon(net_recon="resnet50", use_last_fc=False, init_path=""),
    "audio2pose": Audio2Pose(pose, None, device="cpu"),
    "audio2exp": SimpleWrapperV2(),
    "generator": OcclusionAwareSPADEGenerator(**p["generator_params"], **p["common_params"]),
    "kp_extractor": KPDetector(**p["kp_detector_params"], **p["common_params"]),
}
save_file({f"{name}.{k}": v.clone() for name, part in parts.items() for k, v in part.state_dict().items()}, "checkpoints/SadTalker_V0.0.2_256.safetensors")
torch.save({"mapping": MappingNet(**p["mapping_params"]).state_dict(), "epoch": 0}, "checkpoints/mapping_00109-model.pth.tar")
points = FAN(num_modules=4, num_landmarks=98, device="cpu")
points.l3.weight.data.zero_()  # what it finds is not used, but must not lie at the last pixel
points.l3.bias.data.zero_()
torch.save({"state_dict": points.state_dict()}, "gfpgan/weights/alignment_WFLW_4HG.pth")
torch.save(RetinaFace(network_name="resnet50", device="cpu").state_dict(), "gfpgan/weights/detection_Resnet50_Final.pth")

with open(os.path.join(stand, "sitecustomize.py"), "w") as f:
    f.write(f"""import sys

import facexlib.alignment
import numpy as np
from facexlib.detection.retinaface import RetinaFace
from scipy.io import loadmat

sys.path.insert(0, {source!r})
from src.facerender.modules.generator import OcclusionAwareSPADEGenerator

mean = loadmat({os.path.join(source, "src/config/similarity_Lm3D_all.mat")!r})["lm"]
box = []


def detect_faces(self, image, *_):
    image = np.asarray(image)
    h, w = image.shape[:2]
    box[:] = [0.2 * w, 0.2 * h, 0.8 * w, 0.9 * h]
    return np.array([box + [1.0] + [0.0] * 10])[: int(image.std() > 5)]


def landmarks(_):
    return (mean[:, :2] * [0.8, -0.8] + 1) / 2 * [box[2] - box[0], box[3] - box[1]]


draw = OcclusionAwareSPADEGenerator.forward
drawn = []


def forward(self, *args, **more):
    drawn or drawn.append(draw(self, *args, **more))
    return drawn[0]


OcclusionAwareSPADEGenerator.forward = forward
RetinaFace.detect_faces = detect_faces
facexlib.alignment.landmark_98_to_68 = landmarks
""")
program = os.path.join(stand, "python")
with open(program, "w") as f:
    f.write(f'#!/bin/sh\nPYTHONPATH={stand} exec {sys.executable} "$@"\n')
os.chmod(program, 0o755)
