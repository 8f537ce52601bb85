package main

import (
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/sdk"
)

type generateIn struct {
	common
	Prompt string         `spin:"prompt" doc:"The text to go on from" min:"1"`
	Suffix string         `spin:"suffix,optional" doc:"What comes after the answer, for models that fill gaps"`
	System string         `spin:"system,optional" doc:"What the model is told about its part"`
	Raw    bool           `spin:"raw" default:"false" doc:"Give the model the prompt as it is, without its template"`
	Images []sdk.Artifact `spin:"images,optional" accept:"image/png|image/jpeg|image/webp" doc:"Pictures that go with the prompt, for models that see"`
	wanted
}

func generateNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "ollama.generate",
		Description: "Has a language model go on from a text, or fill a gap in one. ollama.chat is the better choice for questions.",
		Device:      &need, Elastic: true, Idempotent: true, Concurrency: 8,
		Examples: []sdk.Example{{Title: "The middle of a function", HCL: `node "ollama.generate" "body" {
  model   = "codellama:code"
  prompt  = "def add(a, b):"
  suffix  = "    return c"
  options = { temperature = 0, num_predict = 64 }
}
`}},
	}, s.generate)
}

func (s *server) generate(ctx context.Context, in generateIn, t *sdk.Task) (said, error) {
	images, err := pictures(in.Images)
	if err != nil {
		return said{}, err
	}
	body := map[string]any{"raw": in.Raw}
	if images != nil {
		body["images"] = images
	}
	if in.Suffix != "" {
		body["suffix"] = in.Suffix
	}
	if in.System != "" {
		body["system"] = in.System
	}
	return s.converse(ctx, t, "/api/generate", in.common, in.wanted, body, func(body map[string]any, before, again string) {
		body["prompt"] = in.Prompt
		if again != "" {
			body["prompt"] = in.Prompt + "\n\n" + before + "\n\n" + again
		}
	}, nil)
}

type embedIn struct {
	common
	Texts    []string `spin:"texts" doc:"Texts to embed" min:"1" max:"10000"`
	Truncate bool     `spin:"truncate" default:"true" doc:"Cut texts that are longer than the model's context; false: they are an error"`
}

type embedOut struct {
	Embeddings   [][]float64 `spin:"embeddings" doc:"A vector of length 1 for each text, in their order"`
	Dimensions   int         `spin:"dimensions" doc:"Numbers of each"`
	Model        string      `spin:"model" doc:"The model that made them"`
	PromptTokens int         `spin:"prompt_tokens" doc:"Tokens that were read"`
}

func embedNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "ollama.embed",
		Description: "Makes vectors of texts: texts that mean much the same have vectors that lie near each other.",
		Device:      &need, Elastic: true, Idempotent: true, Concurrency: 8,
		Examples: []sdk.Example{{Title: "Two texts", HCL: `node "ollama.embed" "notes" {
  model = "nomic-embed-text"
  texts = ["a lighthouse at dusk", "a tower by the sea in the evening"]
}
`}},
	}, s.embed)
}

// embedAtOnce is how many texts one request holds: between two, it is said how far it is.
const embedAtOnce = 64

func (s *server) embed(ctx context.Context, in embedIn, t *sdk.Task) (embedOut, error) {
	body := map[string]any{"truncate": in.Truncate}
	c, done, err := s.begin(ctx, t, "/api/embed", &in.common, body)
	if err != nil {
		return embedOut{}, err
	}
	defer done()
	out := embedOut{Model: in.Model}
	for rest := in.Texts; len(rest) > 0; {
		part := rest[:min(len(rest), embedAtOnce)]
		rest = rest[len(part):]
		body["input"] = part
		var got struct {
			Embeddings   [][]float64
			PromptTokens int `json:"prompt_eval_count"`
		}
		if err := c.Ask(ctx, http.MethodPost, "/api/embed", body, &got); err != nil {
			return embedOut{}, stopped(ctx, s.explain(err), in.Model+" made vectors")
		}
		if len(got.Embeddings) != len(part) || len(got.Embeddings[0]) == 0 {
			return embedOut{}, c.Foreign("/api/embed", "it has not one vector for each text")
		}
		out.Embeddings = append(out.Embeddings, got.Embeddings...)
		out.PromptTokens += got.PromptTokens
		t.Progress(float64(len(out.Embeddings))/float64(len(in.Texts)), "embedding")
	}
	out.Dimensions = len(out.Embeddings[0])
	return out, nil
}
