package main

import (
	"context"
	"embed"
	"encoding/json"

	"github.com/myspinbot/spinbot/sdk"
)

// Workflows in ComfyUI's API format, by engine. Their nodes Portrait and Speech take the files.
//
//go:embed workflows/*.json
var workflows embed.FS

type workflowIn struct {
	Engine  string `spin:"engine" enum:"wav2lip|latentsync|infinitetalk" doc:"Who moves the lips"`
	Consent bool   `spin:"consent" default:"false" doc:"That whoever is shown has agreed: set it from a variable that a person sets"`
	Height  int    `spin:"height" default:"512" min:"64" max:"2160" doc:"Of the film, in pixels; of infinitetalk's the longer side"`
	Prompt  string `spin:"prompt" default:"a person is talking" doc:"What is seen, for infinitetalk"`
	Seed    int    `spin:"seed" default:"0" min:"0" doc:"Of what is random"`
}

type workflowOut struct {
	Workflow string   `spin:"workflow" doc:"For comfyui.workflow, with files \"Portrait.image\" and \"Speech.audio\""`
	Engine   string   `spin:"engine" doc:"Who moves the lips"`
	Packs    []string `spin:"packs" doc:"The node packs that the server has to have"`
	Models   []string `spin:"models" doc:"The model files that it has to have, and where"`
}

// pack is what a workflow needs of a server.
type pack struct {
	packs, models []string
}

const helperSuite = "https://github.com/Kosinkadink/ComfyUI-VideoHelperSuite"

func packOf(engine string) pack {
	switch engine {
	case "wav2lip":
		return pack{[]string{"https://github.com/ShmuelRonen/ComfyUI_wav2lip", helperSuite}, []string{"custom_nodes/ComfyUI_wav2lip/Wav2Lip/checkpoints/wav2lip_gan.pth"}}
	case "latentsync":
		const at = "custom_nodes/ComfyUI-LatentSyncWrapper/checkpoints/"
		return pack{[]string{"https://github.com/ShmuelRonen/ComfyUI-LatentSyncWrapper", helperSuite},
			[]string{at + "latentsync_unet.pt", at + "whisper/tiny.pt", at + "vae/sd-vae-ft-mse.safetensors"}}
	default:
		return pack{[]string{"https://github.com/kijai/ComfyUI-WanVideoWrapper", "https://github.com/kijai/ComfyUI-KJNodes", helperSuite},
			[]string{"models/diffusion_models/Wan2_1-I2V-14B-480P_fp8_e4m3fn.safetensors", "models/diffusion_models/Wan2_1-InfiniteTalk-Single_fp16.safetensors",
				"models/loras/lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors", "models/vae/Wan2_1_VAE_bf16.safetensors", "models/clip_vision/clip_vision_h.safetensors",
				"models/text_encoders/umt5-xxl-enc-bf16.safetensors", "models/wav2vec2/wav2vec2-chinese-base_fp16.safetensors"}}
	}
}

func workflowNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "lipsync.workflow",
		Description: "Gives a workflow with which a ComfyUI makes a portrait speak: comfyui.workflow runs it, and names what the server lacks. " +
			"It needs the consent of whoever is shown.",
		Revision: "1", Idempotent: true,
		Examples: []sdk.Example{{Title: "With LatentSync in ComfyUI", HCL: `node "lipsync.workflow" "lips" {
  engine  = "latentsync"
  consent = var.consent
}
node "comfyui.workflow" "film" {
  workflow = node.lips.workflow
  files = {
    "Portrait.image" = var.portrait
    "Speech.audio"   = node.speech.audio
  }
  device {
    memory = "20GiB"
  }
}
`}},
	}, giveWorkflow)
}

func giveWorkflow(_ context.Context, in workflowIn, _ *sdk.Task) (workflowOut, error) {
	if !in.Consent {
		return workflowOut{}, noConsent("a portrait")
	}
	raw, err := workflows.ReadFile("workflows/" + in.Engine + ".json")
	if err != nil {
		return workflowOut{}, err
	}
	var nodes map[string]*step
	if err := json.Unmarshal(raw, &nodes); err != nil {
		return workflowOut{}, err
	}
	for _, n := range nodes {
		n.set("seed", in.Seed)
		n.set("positive_prompt", in.Prompt)
		if n.Meta.Title == "Size" {
			n.set("height", in.Height)
			if in.Engine == "infinitetalk" {
				n.set("width", in.Height)
			}
		}
	}
	text, err := json.Marshal(nodes)
	p := packOf(in.Engine)
	return workflowOut{Workflow: string(text), Engine: in.Engine, Packs: p.packs, Models: p.models}, err
}

// step is one node of a workflow.
type step struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"`
	Meta   struct {
		Title string `json:"title"`
	} `json:"_meta"`
}

// set gives an input that the node has another value.
func (s *step) set(input string, value any) {
	if _, has := s.Inputs[input]; has {
		s.Inputs[input] = value
	}
}
