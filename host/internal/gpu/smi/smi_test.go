package smi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/gputest"
)

const mib = 1 << 20

// recorded answers with what lies in testdata, by the command line. The files are shaped as "nvidia-smi -q -x" of the
// drivers 470, 535, 566 and 590 prints (nvsmi_device_v11 to v13.dtd; https://docs.nvidia.com/deploy/nvidia-smi), and as
// amd-smi 26.2.1 of ROCm 7.2 does (https://rocm.docs.amd.com/projects/amdsmi/en/latest/how-to/amdsmi-cli-tool.html), cut
// to what matters here. A text that is no file stands for itself.
type recorded map[string]string

func (r recorded) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	answer, ok := r[strings.Join(append([]string{program}, args...), " ")]
	if !ok {
		return nil, fmt.Errorf("%s %v: exit status 2", program, args)
	}
	if answer == "" {
		return nil, exec.ErrNotFound
	}
	if raw, err := os.ReadFile(filepath.Join("testdata", answer)); err == nil {
		return raw, nil
	}
	return []byte(answer), nil
}

func nvidiaOf(file string) recorded {
	r := recorded{"nvidia-smi -q -x": file, "nvidia-smi --query-gpu=uuid,compute_cap --format=csv,noheader": "GPU-12345678-aaaa-bbbb-cccc-0123456789ab, 12.0\nGPU-22345678-aaaa-bbbb-cccc-0123456789ab, [N/A]\n"}
	if list := strings.TrimSuffix(file, ".xml") + ".list"; list == "nvidia_v12_mig.list" {
		r["nvidia-smi -L"] = list
	}
	return r
}

var radeon = recorded{
	"amd-smi list -e --json": "amd_list.json", "amd-smi static --json": "amd_static.json",
	"amd-smi metric --json": "amd_metric.json", "amd-smi process --json": "amd_process.json",
}

func TestConforms(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"nvidia_v11.xml", "nvidia_v12_mig.xml", "nvidia_v13.xml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			gputest.Run(t, func(*testing.T) gpu.Prober { return Nvidia(nvidiaOf(file).run, false) })
		})
	}
	t.Run("WSL2", func(t *testing.T) {
		t.Parallel()
		gputest.Run(t, func(*testing.T) gpu.Prober { return Nvidia(nvidiaOf("nvidia_v12_wsl.xml").run, true) })
	})
	t.Run("AMD", func(t *testing.T) {
		t.Parallel()
		gputest.Run(t, func(*testing.T) gpu.Prober { return AMD(radeon.run) })
	})
}

func probe(t *testing.T, p gpu.Prober) ([]device.Device, string) {
	t.Helper()
	devices, note, err := p.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return devices, note
}

func TestNvidia(t *testing.T) {
	t.Parallel()
	devices, note := probe(t, Nvidia(nvidiaOf("nvidia_v13.xml").run, false))
	if len(devices) != 4 || note != "" {
		t.Fatalf("%d %q", len(devices), note)
	}
	d, r := devices[0], devices[0].Reading
	if d.UUID != "GPU-12345678-aaaa-bbbb-cccc-0123456789ab" || d.Kind != device.CUDA || !strings.Contains(d.Name, "PRO 6000") || d.Architecture != "Blackwell" ||
		d.Compute != "12.0" || d.Memory != 97887*mib || d.PCI != "00000000:61:00.0" || d.Driver != "590.44.01" || d.Ill+d.Warning != "" {
		t.Errorf("%+v", d)
	}
	if *r.Used != 65720*mib || *r.Free != 31531*mib || *r.Utilisation != 0 || *r.Temperature != 24 || *r.Power != 3.97 || r.Energy != nil {
		t.Errorf("%+v", r)
	}
	if p := r.Processes; len(p) != 2 || p[0].PID != 1200 || p[1].Name != `/usr/bin/python3 --model "a" <b>` || *p[1].Memory != 65000*mib {
		t.Errorf("%+v", p)
	}
	if d := devices[1]; d.Compute != "" || *d.Reading.Power != 212.4 || *d.Reading.Utilisation != 97 || d.Reading.Processes == nil || !strings.Contains(d.Warning, "to be replaced") || d.Ill != "" {
		t.Errorf("%+v", d)
	}
	if d := devices[2]; !strings.Contains(d.Ill, "cannot be replaced") || !strings.Contains(d.Warning, "2 errors") {
		t.Errorf("%+v", d)
	}
	if d := devices[3]; !strings.Contains(d.Ill, "recover it: Reset") {
		t.Errorf("%+v", d)
	}
}

func TestNvidiaMIG(t *testing.T) {
	t.Parallel()
	devices, _ := probe(t, Nvidia(nvidiaOf("nvidia_v12_mig.xml").run, false))
	if len(devices) != 3 {
		t.Fatalf("%+v", devices)
	}
	a, b, c := devices[0], devices[1], devices[2]
	if a.UUID != "MIG-5f9b2e4e-7b3c-5c0a-8a4e-0d8d1f6e2b11" || a.Parent != "GPU-513536b6-7d19-9063-b049-1e69664bb298" || a.Name != "NVIDIA A100-SXM4-80GB MIG 2g.20gb" ||
		a.Memory != 19968*mib || *a.Reading.Used != 12*mib || len(a.Reading.Processes) != 0 || *a.Reading.Temperature != 27 || a.Reading.Power != nil {
		t.Errorf("%+v", a)
	}
	if b.UUID != "MIG-6f9b2e4e-7b3c-5c0a-8a4e-0d8d1f6e2b12" || len(b.Reading.Processes) != 1 || b.Reading.Processes[0].PID != 777 {
		t.Errorf("%+v", b)
	}
	if c.UUID != "GPU-613536b6-7d19-9063-b049-1e69664bb298" || !strings.Contains(c.Ill, "not divided") {
		t.Errorf("%+v", c)
	}
}

func TestNvidiaOld(t *testing.T) {
	t.Parallel()
	devices, _ := probe(t, Nvidia(nvidiaOf("nvidia_v11.xml").run, false))
	if len(devices) != 2 {
		t.Fatalf("one without a UUID is left out: %+v", devices)
	}
	if d := devices[0]; *d.Reading.Power != 12.16 || d.Reading.Processes != nil || d.Architecture != "" || !strings.Contains(d.Warning, "3 errors") {
		t.Errorf("%+v", d)
	}
	if d := devices[1]; !strings.Contains(d.Ill, "lost") || d.Reading.Free != nil || d.Reading.Temperature != nil {
		t.Errorf("%+v", d)
	}
}

func TestWSL2(t *testing.T) {
	t.Parallel()
	devices, note := probe(t, Nvidia(nvidiaOf("nvidia_v12_wsl.xml").run, true))
	if d := devices[0]; d.Reading.Processes != nil || *d.Reading.Used != 1210*mib || *d.Reading.Power != 11.2 || !strings.Contains(note, "WSL2") {
		t.Errorf("%q %+v", note, d)
	}
}

func TestAMD(t *testing.T) {
	t.Parallel()
	devices, note := probe(t, AMD(radeon.run))
	if len(devices) != 2 || !strings.Contains(note, "HIP_VISIBLE_DEVICES") {
		t.Fatalf("%q %+v", note, devices)
	}
	d, r := devices[0], devices[0].Reading
	if d.UUID != "GPU-d52d1a3b4c5d6e00" || d.Kind != device.ROCm || d.Name != "AMD Radeon AI PRO R9700" || d.Architecture != "gfx1201" || d.Memory != 32624*mib ||
		d.PCI != "0000:03:00.0" || d.Driver != "6.16.6" || d.Ill != "" || !strings.Contains(d.Warning, "2 errors") {
		t.Errorf("%+v", d)
	}
	if *r.Used != 29777*mib || *r.Free != 2847*mib || *r.Utilisation != 100 || *r.Temperature != 79 || *r.Power != 103 || *r.Energy != 123456.5 {
		t.Errorf("%+v", r)
	}
	if p := r.Processes; len(p) != 2 || p[0].PID != 213952 || p[0].Memory != nil || p[0].Name != "" || *p[1].Memory != 20503796000 {
		t.Errorf("%+v", p)
	}
	d, r = devices[1], devices[1].Reading
	if d.UUID != "11ff7551-0000-1000-80d5-2d1a3b4c5d6e" || d.Name != "Radeon board" || r.Utilisation != nil || r.Power != nil || *r.Temperature != 40 || *r.Free != (32624-283)*mib || r.Processes == nil {
		t.Errorf("%+v", d)
	}
	old := recorded{"amd-smi list --json": "amd_list.json", "amd-smi static --json": "amd_static.json", "amd-smi metric --json": "amd_metric.json"}
	if devices, _ := probe(t, AMD(old.run)); len(devices) != 2 || devices[0].Reading.Processes != nil {
		t.Errorf("%+v", devices)
	}
}

// TestNothing: what is not there, or not understood, is told and never a panic.
func TestNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prober    gpu.Prober
		note, err string
	}{
		"no nvidia-smi": {Nvidia(recorded{"nvidia-smi -q -x": ""}.run, false), "not in PATH", ""},
		"no amd-smi":    {AMD(recorded{"amd-smi list -e --json": ""}.run), "not in PATH", ""},
		"it fails":      {Nvidia(recorded{}.run, false), "", "exit status 2"},
		"AMD fails":     {AMD(recorded{}.run), "", "exit status 2"},
		"no GPU":        {Nvidia(recorded{"nvidia-smi -q -x": "<nvidia_smi_log><attached_gpus>0</attached_gpus></nvidia_smi_log>"}.run, false), "no GPU", ""},
		"no AMD GPU":    {AMD(recorded{"amd-smi list -e --json": "[]", "amd-smi static --json": "[]"}.run), "no GPU", ""},
		"no XML":        {Nvidia(recorded{"nvidia-smi -q -x": "NVIDIA-SMI has failed because it couldn't communicate\nwith the driver"}.run, false), "", "no XML"},
		"no JSON":       {AMD(recorded{"amd-smi list -e --json": "Traceback"}.run), "", "exit status 2"},
		"odd JSON":      {AMD(recorded{"amd-smi list -e --json": `{"gpu_data": "N/A"}`, "amd-smi static --json": `[1, "x", null]`}.run), "no GPU", ""},
		"no metrics":    {AMD(recorded{"amd-smi list -e --json": "amd_list.json", "amd-smi static --json": "amd_static.json", "amd-smi metric --json": "Traceback"}.run), "", "no JSON"},
	} {
		devices, note, err := c.prober.Probe(t.Context())
		if len(devices) != 0 || !strings.Contains(note, c.note) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v %q %v", name, devices, note, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"97887 MiB": 97887 * mib, "12 B": 12, "7": 7, "1.5 GB": 3 << 29, " 2 KB ": 2048} {
		if n, ok := size(text); !ok || n != want {
			t.Errorf("%q: %d %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "N/A", "[N/A]", "-1 MiB", "NaN", "1e300 MiB", "ERR!", "Requested functionality has been deprecated"} {
		if n, ok := size(text); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
}

// TestPrograms runs real programs: shell scripts in a folder of PATH.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name, text := range map[string]string{"works": "echo yes", "fails": "echo no such driver >&2; exit 9", "hangs": "exec sleep 60", "endless": "exec yes"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := Programs(t.Context(), "works"); err != nil || string(out) != "yes\n" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := Programs(t.Context(), "fails"); err == nil || !strings.Contains(err.Error(), "no such driver") || missing(err) {
		t.Errorf("%v", err)
	}
	if _, err := Programs(t.Context(), "no-such-program"); !missing(err) {
		t.Errorf("%v", err)
	}
	if _, err := Programs(t.Context(), "endless"); err == nil {
		t.Error("it has no end")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Programs(ctx, "hangs"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"gpu_data": [{"gpu": 0, "process_list": [{"process_info": {"pid": 1}}]}]}`))
	f.Add([]byte(`<nvidia_smi_log><gpu id="x"><uuid>GPU-1</uuid><fb_memory_usage><total>1 MiB</total></fb_memory_usage></gpu></nvidia_smi_log>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if log, err := parseNvidia(raw); err == nil {
			for _, g := range log.GPUs {
				g.devices(log.Driver, nil, nil, false, time.Time{})
			}
		}
		if list, err := parseAMD(raw); err == nil {
			for _, g := range list {
				d := device.Device{}
				g.describe(&d)
				g.measure(&d, time.Time{})
				processesOf(list, g.index())
			}
		}
	})
}
