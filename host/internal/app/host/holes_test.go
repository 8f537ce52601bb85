package host

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestKnownHoles tries on this host what has worked on others.
func TestKnownHoles(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const pipeline = `{"pipeline": {"text": "pipeline \"x\" {}\noutput \"a\" { value = 1 }"}}`
	ask := func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range headers {
			name, value, _ := strings.Cut(one, ": ")
			if name == "Host" {
				req.Host = value
			}
			req.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(raw)
	}
	const browser = "User-Agent: Mozilla/5.0"

	// CVE-2024-28224, Ollama: a page whose name is rebound to 127.0.0.1 reads and changes everything.
	for _, path := range []string{"/api/v1/runs", "/api/v1/artifacts/sha256:00", "/health", "/metrics", "/api/jobs", "/ws"} {
		if status, body := ask("GET", path, "", browser, "Host: rebound.example"); status != 403 {
			t.Errorf("CVE-2024-28224: GET %s: %d %s", path, status, body)
		}
	}
	// CVE-2025-62593, Ray: the same, by a request that does not look like a browser's.
	for _, agent := range []string{"User-Agent: curl/8", "User-Agent: ", "User-Agent: python-requests/2", browser} {
		for _, from := range []string{"Host: rebound.example", "Origin: http://evil.example", "Sec-Fetch-Site: cross-site"} {
			if status, body := ask("POST", "/api/v1/runs", pipeline, agent, from, "Content-Type: text/plain"); status != 403 {
				t.Errorf("CVE-2025-62593: %s, %s: %d %s", agent, from, status, body)
			}
		}
	}
	// CVE-2026-27482, Ray: what other sites may not POST, they may DELETE.
	for _, method := range []string{"DELETE", "PUT", "PATCH", "POST"} {
		for _, path := range []string{"/api/v1/pipelines/x/source?version=1", "/api/v1/cache/aa", "/api/v1/agents/a", "/api/v1/tokens/a", "/api/v1/session"} {
			if status, body := ask(method, path, "", "Origin: http://evil.example"); status != 403 {
				t.Errorf("CVE-2026-27482: %s %s: %d %s", method, path, status, body)
			}
		}
	}
	// CVE-2023-48022, Ray: jobs of anybody on an address that anybody reaches.
	if ln, err := h.api.Listen("0.0.0.0:0"); err == nil {
		ln.Close()
		t.Error("CVE-2023-48022: it listens everywhere, and nobody has to sign in")
	}
	// CVE-2025-3248, Langflow: who has a text checked has it carried out. Here it reads and runs nothing.
	mark := filepath.Join(t.TempDir(), "mark")
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, expression := range []string{`file("` + secret + `")`, `file("../../../../../../../../` + secret + `")`, `file("/proc/self/environ")`, `abspath(".")`, `env("PATH")`, `exec("touch ` + mark + `")`} {
		text := strings.ReplaceAll(strings.ReplaceAll("pipeline \"x\" {}\noutput \"a\" { value = "+expression+" }", `\`, `\\`), `"`, `\"`)
		body := `{"text": "` + strings.ReplaceAll(text, "\n", `\n`) + `"}`
		status, got := ask("POST", "/api/v1/pipelines/check?graph=text", body, "Content-Type: application/json")
		if status != 200 || strings.Contains(got, `"valid":true`) || strings.Contains(got, "hunter2") || strings.Contains(got, "PATH=") {
			t.Errorf("CVE-2025-3248: %s: %d %s", expression, status, got)
		}
	}
	if status, got := ask("POST", "/api/v1/pipelines/check", `{"path": "`+secret+`"}`, "Content-Type: application/json"); status != 403 || strings.Contains(got, "hunter2") {
		t.Errorf("CVE-2025-3248: a path: %d %s", status, got)
	}
	// CVE-2024-45436, Ollama: names in what is sent lead out of the folder that it goes to. Plugins' archives: TestUnpackRefuses.
	for _, name := range []string{"../../evil.hcl", "/tmp/evil.hcl", `..\\..\\evil.hcl`, "a/../../evil.hcl"} {
		body := `{"pipeline": {"text": "pipeline \"x\" {}\noutput \"a\" { value = 1 }", "files": {"` + name + `": "eA=="}}}`
		if status, got := ask("POST", "/api/v1/runs", body, "Content-Type: application/json"); status < 400 && !strings.Contains(name, `\`) || status >= 500 {
			t.Errorf("CVE-2024-45436: %s: %d %s", name, status, got)
		}
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, _ := w.CreateFormFile("file", name)
		_, _ = part.Write([]byte("x"))
		_ = w.WriteField("pipeline", "pipeline \"x\" {}\nvariable \"file\" { type = artifact }")
		_ = w.Close()
		if status, got := ask("POST", "/api/v1/runs", form.String(), "Content-Type: "+w.FormDataContentType()); status >= 500 || strings.Contains(got, "..") {
			t.Errorf("CVE-2024-45436: a file %s: %d %s", name, status, got)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a command was run")
	}

	// and with sign-in, nobody gets further for any of it
	if _, err := h.Client().NewToken(t.Context(), client.NewToken{Name: "admin", Role: "admin"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/runs", "/api/train", "/api/v1/artifacts", "/api/v1/plans"} {
		if status, body := ask("POST", path, pipeline, "Content-Type: application/json"); status != 401 {
			t.Errorf("CVE-2023-48022: POST %s: %d %s", path, status, body)
		}
	}
}
