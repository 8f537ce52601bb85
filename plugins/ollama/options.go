package main

import (
	"regexp"
	"strconv"

	"github.com/myspinbot/spinbot/sdk"
)

// options are Ollama's own, all that it documents, under their names. What is not set is the model's affair.
type options struct {
	Temperature      *float64 `json:"temperature,omitempty" doc:"How much chance there is: 0 is none" min:"0"`
	Seed             *int64   `json:"seed,omitempty" doc:"The same seed gives the same text, as far as the hardware computes alike"`
	NumPredict       *int     `json:"num_predict,omitempty" doc:"Most tokens of an answer; -1: any, -2: as many as fit the context" min:"-2"`
	NumCtx           *int     `json:"num_ctx,omitempty" doc:"Tokens that prompt and answer may have together; memory grows with it" min:"1"`
	TopK             *int     `json:"top_k,omitempty" doc:"Choose among so many tokens" min:"0"`
	TopP             *float64 `json:"top_p,omitempty" doc:"Choose among the likeliest that make up so much" min:"0" max:"1"`
	MinP             *float64 `json:"min_p,omitempty" doc:"Choose among tokens at least so likely, compared with the likeliest" min:"0" max:"1"`
	TypicalP         *float64 `json:"typical_p,omitempty" doc:"Choose among typical tokens; 1: off" min:"0" max:"1"`
	RepeatLastN      *int     `json:"repeat_last_n,omitempty" doc:"How far back repetitions count; 0: not, -1: the whole context" min:"-1"`
	RepeatPenalty    *float64 `json:"repeat_penalty,omitempty" doc:"How much a repeated token is held back; 1: not"`
	PresencePenalty  *float64 `json:"presence_penalty,omitempty" doc:"How much a token that was there is held back"`
	FrequencyPenalty *float64 `json:"frequency_penalty,omitempty" doc:"How much a token is held back for each time that it was there"`
	Stop             []string `json:"stop,omitempty" spin:",optional" doc:"Texts at which the answer ends"`
	Mirostat         *int     `json:"mirostat,omitempty" doc:"Mirostat sampling: 0 off, 1 or 2" min:"0" max:"2"`
	MirostatTau      *float64 `json:"mirostat_tau,omitempty" doc:"Its goal of surprise"`
	MirostatEta      *float64 `json:"mirostat_eta,omitempty" doc:"How fast it learns"`
	PenalizeNewline  *bool    `json:"penalize_newline,omitempty" doc:"Whether line ends count as repetitions"`
	TFSZ             *float64 `json:"tfs_z,omitempty" spin:"tfs_z" doc:"Tail free sampling; 1: off"`
	NumKeep          *int     `json:"num_keep,omitempty" doc:"Tokens of the prompt that stay when the context is full" min:"-1"`
	NumBatch         *int     `json:"num_batch,omitempty" doc:"Tokens of the prompt that are worked on at once" min:"1"`
	NumGPU           *int     `json:"num_gpu,omitempty" spin:"num_gpu" doc:"Layers on devices; -1: as many as fit" min:"-1"`
	MainGPU          *int     `json:"main_gpu,omitempty" spin:"main_gpu" doc:"The device for small tensors, among those that Ollama sees" min:"0"`
	NumThread        *int     `json:"num_thread,omitempty" doc:"Threads on the CPU" min:"0"`
	UseMMap          *bool    `json:"use_mmap,omitempty" spin:"use_mmap" doc:"Map the model's file into memory"`
	UseMLock         *bool    `json:"use_mlock,omitempty" spin:"use_mlock" doc:"Keep the model from being swapped out"`
	LowVRAM          *bool    `json:"low_vram,omitempty" spin:"low_vram" doc:"Use less device memory, more slowly"`
	NUMA             *bool    `json:"numa,omitempty" spin:"numa" doc:"For machines with several memory nodes"`
}

var seconds = regexp.MustCompile(`^-?\d+$`)

// keepAlive gives a keep_alive as Ollama takes it: a duration, or a number of seconds; nil: not said.
func keepAlive(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if seconds.MatchString(text) {
		n, err := strconv.Atoi(text)
		if err == nil {
			return n, nil
		}
	}
	d, err := sdk.ParseDuration(text)
	if err != nil {
		return nil, sdk.Refuse("keep_alive: "+err.Error(), `write it like "10m", "0" to unload at once, "-1" for ever`)
	}
	return int(d.Seconds()), nil
}
