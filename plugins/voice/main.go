// Command voice is the plugin for speech: it says texts, makes and trains voices of recordings, judges them, writes down and times what is said.
package main

import (
	"context"
	"sync"

	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/tune"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

// config is what the host hands over. What it leaves empty comes from the environment, whose names begin as hosts let
// through.
type config struct {
	engine.Config
	HearURL   string                  `spin:"hear_url,optional" doc:"Where speech is written down: whisper.cpp's server, such as http://127.0.0.1:8080, or a service with OpenAI's API, such as http://127.0.0.1:8000/v1. Environment: SPINBOT_PLUGIN_VOICE_HEAR_URL"`
	HearKey   string                  `spin:"hear_key,optional,sensitive" doc:"Its API key, if it wants one. Environment: SPINBOT_PLUGIN_VOICE_HEAR_KEY"`
	HearModel string                  `spin:"hear_model,optional" doc:"Model that it is asked for. Environment: SPINBOT_PLUGIN_VOICE_HEAR_MODEL; default whisper-1"`
	Trainers  map[string]tune.Program `spin:"trainers,optional" doc:"Where trainers of voices are on this machine: gpt-sovits and f5-tts"`
	Work      string                  `spin:"work,optional" doc:"Where voice.train keeps what it goes on from; default: spinbot-voice in the user's cache folder"`
}

// speaker is what the node types share: the engines, and where speech is written down and voices are trained.
type speaker struct {
	engines engine.Speaker

	mu     sync.RWMutex
	config config
}

func (s *speaker) configure(c config) error {
	c.HearURL = engine.OrEnv(c.HearURL, "SPINBOT_PLUGIN_VOICE_HEAR_URL", "")
	c.HearKey = engine.OrEnv(c.HearKey, "SPINBOT_PLUGIN_VOICE_HEAR_KEY", "")
	c.HearModel = engine.OrEnv(c.HearModel, "SPINBOT_PLUGIN_VOICE_HEAR_MODEL", "whisper-1")
	if err := c.checkTraining(); err != nil {
		return err
	}
	if err := s.engines.Configure(c.Config); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return nil
}

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	s := &speaker{}
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "voice",
		Version:      "0.1.0",
		Description:  "Speaks text, with a voice of an engine or one made of a recording; writes down and times what is said",
		Nodes:        []sdk.Node{sayNode(s), profileNode(), checkNode(), trainNode(s), transcribeNode(s), alignNode()},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
	}
}
