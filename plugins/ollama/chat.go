package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
)

// common is what nodes that ask a model have in common.
type common struct {
	Model     string  `spin:"model,optional" doc:"The model: \"llama3.2\". Default: the plugin's, else the one that was installed last"`
	Options   options `spin:"options,optional" doc:"Ollama's options: { temperature = 0.2, num_ctx = 8192 }"`
	KeepAlive string  `spin:"keep_alive,optional" doc:"How long the model stays loaded: \"10m\", \"0\" to unload at once, \"-1\" for ever"`
}

type wanted struct {
	Think  string      `spin:"think" default:"auto" enum:"auto|on|off|low|medium|high" doc:"Whether, or how much, the model thinks first; auto is its own choice"`
	Answer *sdk.Schema `spin:"answer" doc:"The type of the answer, as JSON: object({ title = string, tags = list(string) })"`
	Tries  int         `spin:"tries" default:"3" min:"1" max:"10" doc:"How often the model is asked for an answer of that type: it is told what was wrong"`
}

type message struct {
	Role    string `spin:"role" enum:"system|user|assistant|tool" doc:"Who says it; tool: it is the result of a call"`
	Content string `spin:"content" doc:"What is said"`
	Calls   []call `spin:"calls,optional" doc:"Of the assistant: the calls that it wants made"`
	Call    string `spin:"call,optional" doc:"Of a tool: the id of the call"`
}

type chatIn struct {
	common
	Prompt   string         `spin:"prompt,optional" doc:"What to say to the model. Without it, it goes on from messages and results" min:"1"`
	System   string         `spin:"system,optional" doc:"What the model is told about its part"`
	Messages []message      `spin:"messages,optional" doc:"What was said before: the output messages of an earlier chat"`
	Tools    []sdk.Tool     `spin:"tools,optional" doc:"Node types that the model may ask for: its calls are outputs, and nodes of these types carry them out"`
	Results  any            `spin:"results" doc:"The outputs of nodes that carried out the calls that messages end with, by the id of the call; null or left out: it failed"`
	Images   []sdk.Artifact `spin:"images,optional" accept:"image/png|image/jpeg|image/webp" doc:"Pictures that go with the prompt, for models that see"`
	wanted
}

// said is what a model said.
type said struct {
	Text         string `spin:"text" doc:"The answer, without what the model thought"`
	Answer       any    `spin:"answer,optional" type_from:"answer" doc:"The answer as a value of the type that was asked for"`
	Thinking     string `spin:"thinking" doc:"What the model thought before it answered"`
	Model        string `spin:"model" doc:"The model that answered"`
	Finish       string `spin:"finish" doc:"Why it ended: stop, or length when it was cut at num_predict or num_ctx"`
	PromptTokens int    `spin:"prompt_tokens" doc:"Tokens that were read, all tries together"`
	Tokens       int    `spin:"tokens" doc:"Tokens that were made, all tries together"`
	Tries        int    `spin:"tries" doc:"How often the model was asked"`
}

type chatOut struct {
	said
	Calls    []call    `spin:"calls" doc:"What the model wants done before it answers: each to be carried out by a node of its type; none when it has answered"`
	Messages []message `spin:"messages" doc:"All that was said, this answer too, for a chat that goes on"`
}

// need is what the types want of a device: Ollama takes what fits, and computes the rest on the CPU.
var need = sdk.DeviceNeed{ModelInput: "model"}

func chatNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "ollama.chat",
		Description: "Asks a language model, and gives its answer as text or, with answer, as a checked value of that type. " +
			"The text is reported as it comes; loading the model is, too.",
		Device: &need, Elastic: true, Idempotent: true, Concurrency: 8,
		Examples: []sdk.Example{{Title: "A script as a value", HCL: `node "ollama.chat" "script" {
  model   = "llama3.2"
  prompt  = "A film about lighthouses in three scenes"
  options = { temperature = 0.7 }
  answer  = object({ title = string, scenes = list(string) })
  timeout = "5m"
}
`}, {Title: "What the model wants looked up", HCL: `node "ollama.chat" "think" {
  model  = "llama3.2"
  prompt = "What does https://example.com say?"
  tools  = ["control.http"]
}

node "control.http" "page" {
  for_each   = { for c in node.think.calls : c.id => c.inputs if c.type == "control.http" }
  url        = each.value.url
  on_failure = "continue"
}

node "ollama.chat" "tell" {
  model    = "llama3.2"
  messages = node.think.messages
  results  = node.page
}
`}},
	}, s.chat)
}

func (s *server) chat(ctx context.Context, in chatIn, t *sdk.Task) (chatOut, error) {
	results, ok := in.Results.(map[string]any)
	if !ok && in.Results != nil {
		return chatOut{}, sdk.Refuse("results: want an object of outputs by the id of their call", "give a node whose for_each has these ids as its keys")
	}
	all, err := answered(in.Messages, results)
	if err != nil {
		return chatOut{}, err
	}
	if in.Prompt != "" {
		all = append(all, message{Role: "user", Content: in.Prompt})
	}
	if len(all) == 0 {
		return chatOut{}, sdk.Refuse("there is nothing to answer", "give prompt, or messages")
	}
	if len(in.Images) > 0 && in.Prompt == "" {
		return chatOut{}, sdk.Refuse("there are images, and no prompt that they go with", "give prompt")
	}
	talk, made := spoken(all)
	images, err := pictures(in.Images)
	if err != nil {
		return chatOut{}, err
	}
	if images != nil {
		talk[len(talk)-1]["images"] = images
	}
	if in.System != "" {
		talk = append([]map[string]any{{"role": "system", "content": in.System}}, talk...)
	}
	body := map[string]any{}
	if len(in.Tools) > 0 {
		if body["tools"], err = functions(in.Tools); err != nil {
			return chatOut{}, err
		}
	}
	var wanted []call
	out, err := s.converse(ctx, t, "/api/chat", in.common, in.wanted, body, func(body map[string]any, before, again string) {
		if again != "" {
			talk = append(talk, map[string]any{"role": "assistant", "content": before}, map[string]any{"role": "user", "content": again})
		}
		body["messages"] = talk
	}, func(wishes []wish) (wrong string) {
		wanted, wrong = calls(wishes, in.Tools, made)
		return wrong
	})
	if err != nil {
		return chatOut{}, err
	}
	for _, c := range wanted {
		t.Log("info", "wants "+c.Type+" as "+c.ID)
	}
	return chatOut{out, wanted, append(all, message{Role: "assistant", Content: out.Text, Calls: wanted})}, nil
}

// most is how much of an answer that does not fit is shown, in bytes.
const most = 4 << 10

// again asks once more for an answer that fits.
func again(wrong string) string {
	return "That answer cannot be used: " + wrong + ". Answer again, with JSON of the type that was asked for, and nothing else."
}

const maxPictures = 64 << 20 // bytes of all pictures of a request

// pictures reads files as Ollama takes them.
func pictures(files []sdk.Artifact) (all []string, err error) {
	sum := 0
	for _, f := range files {
		raw, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, fmt.Errorf("picture %s: %w", f.Name, err)
		}
		if sum += len(raw); sum > maxPictures {
			return nil, sdk.Refuse("the pictures have more than "+sdk.FormatSize(maxPictures)+" together", "give fewer, or smaller ones")
		}
		all = append(all, base64.StdEncoding.EncodeToString(raw))
	}
	return all, nil
}

// callAgain asks once more for calls that can be made.
func callAgain(wrong string) string {
	return "That call cannot be made: " + wrong + ". Call again, with arguments that fit, or answer."
}

// converse loads a model and asks it until its answer fits, or its calls, at most as often as wanted. ask puts the question into the request:
// before is the answer that did not fit, and again what the model is told of it; both are empty at first. heed takes calls in, or says
// what is wrong with them; nil: there are none.
func (s *server) converse(ctx context.Context, t *sdk.Task, path string, in common, w wanted, body map[string]any, ask func(body map[string]any, before, again string), heed func([]wish) string) (out said, err error) {
	if w.Answer != nil && body["tools"] == nil { // held to a format, it could make no calls
		if body["format"], err = format(w.Answer); err != nil {
			return said{}, err
		}
	}
	if level := map[string]any{"on": true, "off": false, "low": "low", "medium": "medium", "high": "high"}[w.Think]; level != nil {
		body["think"] = level
	}
	c, done, err := s.begin(ctx, t, path, &in, body)
	if err != nil {
		return said{}, err
	}
	defer done()
	out.Model = in.Model
	for before, next := "", ""; ; {
		ask(body, before, next)
		r := &reply{model: in.Model, path: path, t: t}
		if err := r.hear(ctx, c, body); err != nil {
			return said{}, s.explain(err)
		}
		out.Text, out.Thinking, out.Finish = r.text.String(), r.thinking.String(), r.end.Reason
		out.PromptTokens += r.end.PromptTokens
		out.Tokens += r.end.Tokens
		out.Tries++
		wrong := ""
		if len(r.wishes) > 0 && heed != nil {
			wrong = heed(r.wishes)
			next = callAgain(wrong)
		} else if w.Answer != nil {
			out.Answer, wrong = read(out.Text, w.Answer)
			next = again(wrong)
		}
		if wrong == "" {
			return out, nil
		}
		before = out.Text
		hint := "say in the prompt what is wanted, make the type simpler, or use another model"
		if out.Finish == "length" {
			wrong += " (it was cut at its greatest length)"
			hint = "raise num_predict or num_ctx in options"
		}
		if out.Tries >= w.Tries {
			return said{}, &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("the answer of %s does not fit after %d tries: %s", in.Model, out.Tries, wrong),
				Hint: hint, Detail: ending(out.Text, most)}
		}
		t.Log("warn", fmt.Sprintf("the answer of %s does not fit, and it is asked again: %s", in.Model, wrong))
	}
}

// begin finds the server and the model, completes the request, and has the model loaded. done counts the model as unused again.
func (s *server) begin(ctx context.Context, t *sdk.Task, path string, in *common, body map[string]any) (c *api.Client, done func(), err error) {
	if in.KeepAlive == "" {
		in.KeepAlive = s.config.KeepAlive
	}
	keep, err := keepAlive(in.KeepAlive)
	if err != nil {
		return nil, nil, err
	}
	if c, err = s.reach(ctx, t); err != nil {
		return nil, nil, stopped(ctx, err, "Ollama was started")
	}
	if in.Model, err = s.choose(ctx, t, c, in.Model, path == "/api/embed"); err != nil {
		return nil, nil, stopped(ctx, s.explain(err), "its model was chosen")
	}
	done = s.hold(in.Model)
	body["model"], body["options"] = in.Model, in.Options
	first := map[string]any{"model": in.Model, "options": in.Options, "stream": false} // asks for nothing: loads
	if keep != nil {
		body["keep_alive"] = keep
		if keep != 0 { // with that it would unload
			first["keep_alive"] = keep
		}
	}
	tell := versions(ctx, c, in.Model)
	err = s.load(ctx, t, c, path, first, in.Model)
	tell(t)
	if err != nil {
		done()
		return nil, nil, stopped(ctx, s.explain(err), in.Model+" was loaded")
	}
	return c, done, nil
}

func (s *server) explain(err error) error { return s.managed.Explain(err) }
