package nodes

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

type blurtIn struct {
	Secret string `doc:"What it cannot keep to itself"`
	Fails  int    `default:"0" doc:"How many attempts fail: the second by a panic"`
}

type blurtOut struct {
	Said, Kept string
	All        []string
	File       *sdk.Artifact
	// Made is a secret of its own.
	Made string `spin:"made,sensitive"`
}

// Spell gives a text in the encodings in which it may turn up.
func Spell(secret string) []string {
	quoted, _ := json.Marshal(secret)
	return []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte("x" + secret + "y")),
		base64.RawStdEncoding.EncodeToString([]byte("token:" + secret)), hex.EncodeToString([]byte(secret)),
		strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret), string(quoted),
	}
}

// blurt tells its secret wherever a node can say something, in every encoding.
func blurt(_ context.Context, in blurtIn, t *sdk.Task) (blurtOut, error) {
	all := Spell(in.Secret)
	for _, text := range all {
		t.Log("info", "it is "+text)
		t.Progress(0.5, text)
		_, _ = os.Stderr.WriteString("stderr: " + text + "\n") // whoever does not listen misses nothing
	}
	t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte(in.Secret)})
	if told := string(t.Checkpoint); t.Address.Attempt > 1 && told != in.Secret {
		return blurtOut{}, sdk.Refuse("the checkpoint was "+told, "")
	}
	text := strings.Join(all, " ")
	switch {
	case t.Address.Attempt > in.Fails:
	case t.Address.Attempt == 2:
		panic(text)
	default:
		return blurtOut{}, &sdk.Error{Cause: sdk.CauseFailed, Message: text, Hint: text, Detail: text}
	}
	out := blurtOut{Said: in.Secret, Kept: "harmless", All: all, Made: "made " + in.Secret}
	if t.Scratch == "" {
		return out, nil
	}
	name := all[4] + ".txt" // without a slash
	path := filepath.Join(t.Scratch, name)
	if err := os.WriteFile(path, []byte("nothing of it"), 0o600); err != nil {
		return blurtOut{}, err
	}
	t.Report(sdk.Report{Kind: sdk.ReportPreview, Message: in.Secret, Preview: &sdk.Artifact{Path: path, MediaType: "text/plain"}})
	out.File = &sdk.Artifact{Path: path, Name: in.Secret + ".txt", MediaType: "text/plain"}
	return out, nil
}
