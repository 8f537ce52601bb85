package convert

import (
	"encoding/json"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui"
)

// role is what an input means to a person; it gives variables their names and their order in the file.
type role struct {
	name, about string
	// accept makes the variable an artifact.
	accept []string
	// shared lets one variable feed all inputs of the role that have the same value.
	shared bool
}

// The roles, in the order in which their variables stand in the file.
var (
	rolePrompt    = &role{"prompt", "what to make", nil, true}
	roleNegative  = &role{"negative_prompt", "what to avoid", nil, true}
	roleText      = &role{"text", "a text", nil, true}
	roleTags      = &role{"tags", "the music's style", nil, true}
	roleLyrics    = &role{"lyrics", "the lyrics", nil, true}
	roleImage     = &role{"image", "the picture to begin with", []string{"image/*"}, false}
	roleMask      = &role{"mask", "the mask", []string{"image/*"}, false}
	roleVideo     = &role{"video", "the video to begin with", []string{"video/*"}, false}
	roleAudio     = &role{"audio", "the sound to begin with", []string{"audio/*"}, false}
	roleWidth     = &role{"width", "in pixels", nil, true}
	roleHeight    = &role{"height", "in pixels", nil, true}
	roleFrames    = &role{"frames", "how many frames", nil, true}
	roleFPS       = &role{"fps", "frames a second", nil, true}
	roleBatch     = &role{"batch_size", "how many at once", nil, true}
	roleSeed      = &role{"seed", "another seed makes another result", nil, false}
	roleSteps     = &role{"steps", "more take longer", nil, true}
	roleCFG       = &role{"cfg", "how closely to follow the prompt", nil, true}
	roleGuidance  = &role{"guidance", "how closely to follow the prompt", nil, true}
	roleDenoise   = &role{"denoise", "how much to change, from 0 to 1", nil, false}
	roleModel     = &role{"checkpoint", "a file in models/checkpoints", nil, true}
	roleDiffusion = &role{"diffusion_model", "a file in models/diffusion_models", nil, true}
	roleLora      = &role{"lora", "a file in models/loras", nil, true}
	roleStrength  = &role{"lora_strength", "0 is none", nil, false}
	roleClip      = &role{"lora_clip_strength", "0 is none", nil, false}
	// roleValue is a value that the workflow's author set apart in a node with a title; the title names the variable.
	roleValue = &role{"value", "a value that the workflow's author set apart", nil, false}
)

var allRoles = []*role{
	rolePrompt, roleNegative, roleText, roleTags, roleLyrics, roleImage, roleMask, roleVideo, roleAudio, roleWidth, roleHeight,
	roleFrames, roleFPS, roleBatch, roleSeed, roleSteps, roleCFG, roleGuidance, roleDenoise, roleModel, roleDiffusion,
	roleLora, roleStrength, roleClip, roleValue,
}

// named are inputs whose name alone says what they are, whatever the node.
var named = map[string]*role{
	"prompt": rolePrompt, "positive_prompt": rolePrompt, "positive": rolePrompt, "negative_prompt": roleNegative, "negative": roleNegative,
	"tags": roleTags, "lyrics": roleLyrics, "seed": roleSeed, "noise_seed": roleSeed,
	"ckpt_name": roleModel, "unet_name": roleDiffusion, "lora_name": roleLora,
}

// sampling are inputs that mean this only on nodes that sample, schedule or guide.
var sampling = map[string]*role{"steps": roleSteps, "cfg": roleCFG, "denoise": roleDenoise, "guidance": roleGuidance}

// canvas are inputs that mean this only on nodes that make the empty picture or video.
var canvas = map[string]*role{
	"width": roleWidth, "height": roleHeight, "batch_size": roleBatch, "length": roleFrames, "num_frames": roleFrames,
	"video_frames": roleFrames, "frames_number": roleFrames,
}

// loaders are the inputs through which files come in.
var loaders = map[string]*role{
	"LoadImage.image": roleImage, "LoadImageMask.image": roleMask, "LoadAudio.audio": roleAudio, "LoadVideo.file": roleVideo,
	"VHS_LoadVideo.video": roleVideo, "VHS_LoadAudioUpload.audio": roleAudio,
}

// roleOf says what an input of a node means; nil when it is of no interest.
func roleOf(n *comfyui.Node, input string) *role {
	if r := loaders[n.Class+"."+input]; r != nil {
		return r
	}
	if r := named[input]; r != nil {
		if r == roleSeed && unusedSeed(n) {
			return nil
		}
		return r
	}
	switch r := sampling[input]; {
	case r != nil && samples(n):
		return r
	case (input == "fps" || input == "frame_rate") && hasRate(n.Class):
		return roleFPS
	case input == "text" && strings.Contains(n.Class, "TextEncode"):
		return roleText
	case (input == "strength_model" || input == "strength") && n.Input("lora_name") != nil:
		return roleStrength
	case input == "strength_clip" && n.Input("lora_name") != nil:
		return roleClip
	}
	if isCanvas(n) {
		return canvas[input]
	}
	return nil
}

// unusedSeed: a sampler that goes on with another's noise has a seed that does nothing.
func unusedSeed(n *comfyui.Node) bool {
	in := n.Input("add_noise")
	return in != nil && in.Value == "disable"
}

func samples(n *comfyui.Node) bool {
	for _, word := range []string{"Sampler", "Scheduler", "Guider", "Guidance", "Detailer"} {
		if strings.Contains(n.Class, word) {
			return true
		}
	}
	return n.Input("seed") != nil || n.Input("noise_seed") != nil
}

func hasRate(class string) bool {
	return strings.HasPrefix(class, "Save") || strings.HasPrefix(class, "Create") || strings.HasPrefix(class, "LTXV") || strings.HasSuffix(class, "Combine")
}

func isCanvas(n *comfyui.Node) bool {
	if strings.HasPrefix(n.Class, "Empty") && strings.Contains(n.Class, "Latent") || n.Class == "LTXVEmptyLatentAudio" {
		return true
	}
	for _, name := range []string{"length", "num_frames", "video_frames"} {
		if n.Input(name) != nil && n.Input("width") != nil {
			return true
		}
	}
	return false
}

// usable says whether a value may be a variable's default.
func usable(r *role, v any) bool {
	switch v := v.(type) {
	case string:
		return len(v) <= maxDefault && (r.accept != nil || r == roleValue || isText(r))
	case json.Number:
		return r.accept == nil && !isText(r) && len(v) <= 40 && !strings.ContainsAny(string(v), "eE")
	case bool:
		return r == roleValue
	}
	return false
}

// maxDefault is the longest text that becomes a variable; longer ones stay in the workflow. In bytes.
const maxDefault = 32 << 10

func isText(r *role) bool {
	switch r {
	case rolePrompt, roleNegative, roleText, roleTags, roleLyrics, roleModel, roleDiffusion, roleLora:
		return true
	}
	return false
}
