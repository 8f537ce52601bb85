package engine

import (
	"context"

	"github.com/myspinbot/spinbot/plugins/voice/espeak"
)

// espeakEngine is espeak-ng.
type espeakEngine struct{}

func (espeakEngine) ready(ctx context.Context, voice string) error { return espeak.Ready(ctx, voice) }

func (espeakEngine) say(ctx context.Context, r Request) ([]byte, string, error) {
	wav, err := espeak.Say(ctx, r.Text, r.Voice, r.Rate)
	return wav, espeak.Voice(r.Voice), err
}
