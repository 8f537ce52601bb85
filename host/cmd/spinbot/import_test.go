package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportFromServer imports a picture whose drawing only a server can name the values of.
func TestImportFromServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/object_info" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"Odd": {"input": {"required": {"count": ["INT"], "word": ["STRING"]}}, "python_module": "custom_nodes.odd"}}`))
	}))
	t.Cleanup(server.Close)
	drawing := "workflow\x00" + `{"nodes": [{"id": 1, "type": "Odd", "widgets_values": [3, "x"]}]}`
	png := "\x89PNG\r\n\x1a\n" + string([]byte{0, 0, 0, byte(len(drawing))}) + "tEXt" + drawing + "\x00\x00\x00\x00" + "\x00\x00\x00\x00IEND\x00\x00\x00\x00"
	for name, c := range map[string]struct {
		address, want string
		code          int
	}{
		"address": {server.URL, "odd.png: PNG, UI format, nodes: 1", 0},
		"slash":   {server.URL + "/", "odd: Odd", 0},
		"whole":   {server.URL + "/object_info", "wrote ", 0},
		"other":   {server.URL + "/api/x", "answers 404 Not Found; is it a ComfyUI server's address?", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "odd.png"), []byte(png), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(built, "bin", "spinbot"), "import", "comfyui", "odd.png", "--object-info", c.address)
			cmd.Dir = dir
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.want) {
				t.Fatalf("exits with %d, want %d and %q:\n%s", code, c.code, c.want, out)
			}
			if c.code != 0 {
				return
			}
			made, err := os.ReadFile(filepath.Join(dir, "workflows", "odd.json"))
			if err != nil || !strings.Contains(string(made), `"count": 3`) {
				t.Errorf("%v\n%s", err, made)
			}
		})
	}
}
