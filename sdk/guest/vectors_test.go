package guest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	goflag "flag" // the package has a flag of its own
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

var update = goflag.Bool("update", false, "write the bytes of testdata/vectors.json anew")

// vectors are tasks and outcomes as JSON, as a WASI command has them, and as the bytes that cross to a guest.
type vectors struct {
	Tasks []struct {
		Name string          `json:"name"`
		Task json.RawMessage `json:"task"`
		Hex  string          `json:"hex"`
	} `json:"tasks"`
	Outcomes []struct {
		Name    string          `json:"name"`
		Outcome json.RawMessage `json:"outcome"`
		Hex     string          `json:"hex"`
	} `json:"outcomes"`
}

const vectorsFile = "testdata/vectors.json"

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	data, err := os.ReadFile(vectorsFile)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func vectorTask(t *testing.T, data []byte) (out sdk.Task) {
	t.Helper()
	var in struct {
		Type, Address, Owner, Pipeline, Time, Seed, Deadline string
		Checkpoint                                           []byte
		Inputs                                               sdk.Values
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	out = sdk.Task{Type: in.Type, Owner: in.Owner, Pipeline: in.Pipeline, Checkpoint: in.Checkpoint, Inputs: in.Inputs}
	var err error
	if in.Address != "" {
		if out.Address, err = sdk.ParseAddress(in.Address); err != nil {
			t.Fatal(err)
		}
	}
	for text, when := range map[string]*time.Time{in.Time: &out.Time, in.Deadline: &out.Deadline} {
		if text != "" {
			if *when, err = time.Parse(time.RFC3339Nano, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out.Seed, err = strconv.ParseUint(in.Seed, 10, 64); err != nil {
		t.Fatal(err)
	}
	return out
}

func vectorOutcome(t *testing.T, data []byte) Outcome {
	t.Helper()
	var in struct {
		Outputs sdk.Values
		Error   *sdk.Error
		Broken  bool
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	return Outcome{Outputs: in.Outputs, Err: in.Error, Broken: in.Broken}
}

// TestVectors: the bytes of tasks and outcomes are those that every kit is tested with; they change for nobody.
func TestVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for i := range v.Tasks {
		c := &v.Tasks[i]
		want := vectorTask(t, c.Task)
		data, err := AppendTask(nil, &want)
		if err != nil {
			t.Fatalf("task %s: %v", c.Name, err)
		}
		got, err := DecodeTask(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("task %s is read as %+v, %v", c.Name, got, err)
		}
		compare(t, "task "+c.Name, &c.Hex, data)
	}
	for i := range v.Outcomes {
		c := &v.Outcomes[i]
		want := vectorOutcome(t, c.Outcome)
		data := AppendOutcome(nil, want)
		if got, err := DecodeOutcome(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("outcome %s is read as %+v, %v", c.Name, got, err)
		}
		compare(t, "outcome "+c.Name, &c.Hex, data)
	}
	if *update {
		writeVectors(t, v)
	}
}

// compare checks bytes against their vector, or writes the vector.
func compare(t *testing.T, what string, want *string, got []byte) {
	t.Helper()
	text := hex.EncodeToString(got)
	if *update {
		*want = text
	} else if *want != text {
		t.Errorf("%s is\n%s, want\n%s", what, text, *want)
	}
}

func writeVectors(t *testing.T, v vectors) {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
