package ollamatest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/sdktest/tinyllama"
)

// Program finds a real Ollama. Where there is none the test is skipped aloud; with OLLAMA_TEST, which make ollama-test sets, it fails.
func Program(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	for _, name := range []string{filepath.Join(dir, ".tools", "ollama"), "ollama"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "needs Ollama: make ollama-test builds one"
	if os.Getenv("OLLAMA_TEST") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// MakeTiny makes the model "tiny" on the Ollama at an address: a Llama of 100,000 random numbers. What it says has no sense, and is the same
// each time. It has one thread: with more they wait for each other on a busy machine.
func MakeTiny(t testing.TB, url string) {
	t.Helper()
	files := map[string]string{}
	for name, raw := range tinyllama.Files() {
		sum := sha256.Sum256(raw)
		files[name] = "sha256:" + hex.EncodeToString(sum[:])
		post(t, url+"/api/blobs/"+files[name], raw)
	}
	raw, err := json.Marshal(map[string]any{"model": "tiny", "files": files, "template": "{{ .Prompt }}", "parameters": map[string]any{"num_ctx": 2048, "num_thread": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if said := post(t, url+"/api/create", raw); !strings.Contains(said, "success") {
		t.Fatalf("the tiny model cannot be made: %s", said)
	}
}

// Direct has the model "tiny" of the Ollama at an address say so many tokens, without the plugin, and calls first at the first of them.
func Direct(t testing.TB, url string, tokens int, first func()) {
	t.Helper()
	body := fmt.Sprintf(`{"model":"tiny","messages":[{"role":"user","content":"hello"}],"options":{"num_predict":%d,"temperature":1,"seed":1}}`, tokens)
	res, err := http.Post(url+"/api/chat", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	s := bufio.NewScanner(res.Body)
	var last struct {
		Tokens int `json:"eval_count"`
	}
	for n := 0; s.Scan(); n++ {
		if n == 0 {
			first()
		}
		if err := json.Unmarshal(s.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
	}
	if s.Err() != nil || last.Tokens != tokens {
		t.Fatalf("it said %d tokens, not %d: %v", last.Tokens, tokens, s.Err())
	}
}

func post(t testing.TB, url string, raw []byte) string {
	t.Helper()
	res, err := http.Post(url, "application/octet-stream", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s: %s %s %v", url, res.Status, said, err)
	}
	return string(said)
}
