package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// gpu describes a node type that works on a device. Which models it has loaded stands in a file that all processes of the
// device share: as in truth, what does not fit there fails.
func gpu(verb string, memory int64) sdk.NodeType {
	t := about(verb, "Works on a device, with a model that stays loaded")
	t.Concurrency = 2
	t.Device = &sdk.DeviceNeed{Memory: memory, ModelInput: "model"}
	return t
}

type gpuIn struct {
	Model string
	// Size is what the model takes, in GiB.
	Size int
	// VRAM is the file that stands for the memory of the device; Room is how much there is, in GiB.
	VRAM string `spin:"vram"`
	Room int
	// Until is a file to wait for; empty: none.
	Until string `default:""`
	// Fail says how it ends: "", "oom", "crash" or "lost".
	Fail string `default:""`
}

type gpuOut struct {
	Devices []string
	Visible string
	// Loads is how often models were loaded into the memory so far.
	Loads int
	PID   int
}

// vram is what is in the memory of a device.
type vram struct {
	Models map[string]int // by process and model: GiB
	Loads  int
}

var (
	mu     sync.Mutex
	loaded = map[string]string{} // model: file
	where  []string
)

func change(file string, what func(*vram) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	var v vram
	if err := json.NewDecoder(f).Decode(&v); err != nil || v.Models == nil {
		v.Models = map[string]int{}
	}
	for key := range v.Models { // what ended with its process is free
		var pid int
		if _, err := fmt.Sscanf(key, "%d ", &pid); err != nil || syscall.Kill(pid, 0) != nil {
			delete(v.Models, key)
		}
	}
	failed := what(&v)
	raw, err := json.Marshal(v)
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(raw, 0)
	}
	return errors.Join(failed, err)
}

func key(model string) string { return fmt.Sprintf("%d %s", os.Getpid(), model) }

func onDevice(ctx context.Context, in gpuIn, t *sdk.Task) (gpuOut, error) {
	out := gpuOut{Devices: t.Devices, Visible: os.Getenv("SPINBOT_DEVICES"), PID: os.Getpid()}
	err := change(in.VRAM, func(v *vram) error {
		if v.Models[key(in.Model)] == 0 {
			sum := in.Size
			for _, m := range v.Models {
				sum += m
			}
			if sum > in.Room {
				return &sdk.Error{Cause: sdk.CauseOOM, Message: fmt.Sprintf("CUDA out of memory: %d GiB of %d", sum, in.Room)}
			}
			v.Models[key(in.Model)] = in.Size
			v.Loads++
		}
		out.Loads = v.Loads
		return nil
	})
	if err != nil {
		return out, err
	}
	mu.Lock()
	loaded[in.Model], where = in.VRAM, t.Devices
	mu.Unlock()
	t.Progress(0.5, "working on "+in.Model)
	if in.Until != "" {
		if _, err := until(ctx, fileIn{in.Until}, t); err != nil {
			return out, err
		}
	}
	switch in.Fail {
	case "oom":
		return out, &sdk.Error{Cause: sdk.CauseOOM, Message: "CUDA out of memory, as told"}
	case "crash":
		fmt.Fprintln(os.Stderr, "test.gpu: going down")
		os.Exit(3)
	case "slow":
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
	return out, ctx.Err()
}

func resident(context.Context) (out []sdk.Model, err error) {
	mu.Lock()
	defer mu.Unlock()
	for model, file := range loaded {
		size := 0
		err = errors.Join(err, change(file, func(v *vram) error { size = v.Models[key(model)]; return nil }))
		out = append(out, sdk.Model{Name: model, Devices: where, Memory: int64(size) << 30})
	}
	return out, err
}

func unload(_ context.Context, model string) (err error) {
	mu.Lock()
	defer mu.Unlock()
	for name, file := range loaded {
		if model == "" || model == name {
			err = errors.Join(err, change(file, func(v *vram) error { delete(v.Models, key(name)); return nil }))
			delete(loaded, name)
		}
	}
	return err
}
