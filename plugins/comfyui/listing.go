package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/sdk"
)

type modelsIn struct {
	Folder string `spin:"folder,optional" doc:"Only of this kind, such as checkpoints or loras"`
}

type modelsOut struct {
	Models map[string][]string `spin:"models" doc:"Names, by kind"`
}

func modelsNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.models", Description: "Lists the model files of the server.", Idempotent: true,
		Examples: []sdk.Example{{Title: "The LoRAs", HCL: `node "comfyui.models" "loras" {
  folder = "loras"
}
`}},
	}, func(ctx context.Context, in modelsIn, t *sdk.Task) (modelsOut, error) {
		out := modelsOut{map[string][]string{}}
		c, err := s.reach(ctx, t)
		if err != nil {
			return out, err
		}
		folders := []string{in.Folder}
		if in.Folder == "" {
			if err := c.Ask(ctx, http.MethodGet, "/models", nil, nil, &folders); err != nil {
				return out, s.failure(ctx, c, err)
			}
		}
		slices.Sort(folders)
		for _, f := range folders {
			var names []string
			if err := c.Ask(ctx, http.MethodGet, "/models/"+url.PathEscape(f), nil, nil, &names); err != nil {
				return out, s.failure(ctx, c, err)
			}
			out.Models[f] = names
		}
		return out, nil
	})
}

// stats is what a server says of itself.
type stats struct {
	System struct {
		Version string `json:"comfyui_version"`
		Torch   string `json:"pytorch_version"`
		Python  string `json:"python_version"`
		OS      string `json:"os"`
	} `json:"system"`
	Devices []struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Total int64  `json:"vram_total"`
		Free  int64  `json:"vram_free"`
		Torch int64  `json:"torch_vram_total"` // what it holds itself
	} `json:"devices"`
}

func (s *server) stats(ctx context.Context, c *api.Client) (st stats, err error) {
	err = c.Ask(ctx, http.MethodGet, "/system_stats", nil, nil, &st)
	return st, s.failure(ctx, c, err)
}

// held is how many bytes of its devices' memory the server holds. One that computes in the machine's memory says that all of that is
// its own, whatever is loaded: then nobody knows, and it counts as nothing.
func (st stats) held() (bytes int64) {
	for _, d := range st.Devices {
		if d.Type != "cpu" && d.Type != "mps" {
			bytes += d.Torch
		}
	}
	return bytes
}

func (st stats) versions() map[string]string {
	v := map[string]string{}
	for name, value := range map[string]string{"comfyui": st.System.Version, "pytorch": st.System.Torch, "python": st.System.Python} {
		if value != "" {
			v[name] = value
		}
	}
	return v
}

type systemOut struct {
	Versions map[string]string `spin:"versions" doc:"Of ComfyUI, PyTorch and Python"`
	OS       string            `spin:"os" doc:"Its operating system"`
	Devices  []deviceOut       `spin:"devices" doc:"What it computes on"`
	Waiting  int               `spin:"waiting" doc:"Prompts in its queue, whoever's"`
}

type deviceOut struct {
	Name  string `spin:"name" doc:"Its name"`
	Type  string `spin:"type" doc:"Such as cuda or cpu"`
	Total int64  `spin:"total" format:"bytes" doc:"Its memory"`
	Free  int64  `spin:"free" format:"bytes" doc:"What of it nobody uses"`
}

func systemNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.system", Description: "Says which server there is, what it runs on, and how long its queue is.", Idempotent: true,
		Examples: []sdk.Example{{Title: "The server", HCL: "node \"comfyui.system\" \"server\" {\n}\n"}},
	}, func(ctx context.Context, _ struct{}, t *sdk.Task) (systemOut, error) {
		c, err := s.reach(ctx, t)
		if err != nil {
			return systemOut{}, err
		}
		st, err := s.stats(ctx, c)
		if err != nil {
			return systemOut{}, err
		}
		out := systemOut{Versions: st.versions(), OS: st.System.OS}
		for _, d := range st.Devices {
			out.Devices = append(out.Devices, deviceOut{d.Name, d.Type, d.Total, d.Free})
		}
		out.Waiting, err = s.waiting(ctx, c)
		return out, err
	})
}

// waiting is how many prompts wait and run, whoever's.
func (s *server) waiting(ctx context.Context, c *api.Client) (int, error) {
	var q struct {
		Info struct {
			Left int `json:"queue_remaining"`
		} `json:"exec_info"`
	}
	err := c.Ask(ctx, http.MethodGet, "/prompt", nil, nil, &q)
	return q.Info.Left, s.failure(ctx, c, err)
}
