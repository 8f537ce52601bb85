package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// Hold implements api.Devices. That a person holds a device is kept in a file, so that a restart does not end it.
func (d devices) Hold(ctx context.Context, uuid, why string) error {
	if err := d.look(ctx); err != nil {
		return err
	}
	uuid, err := whole(d.h.devices.Inventory().Devices, uuid)
	if err != nil {
		return err
	}
	d.h.followDevices()
	d.h.leases.Observe(d.h.devices.Inventory().Devices)
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	held, err := d.h.readHolds()
	if err != nil {
		return err
	}
	if delete(held, uuid); why != "" {
		held[uuid] = why
	}
	raw, err := json.Marshal(held)
	if err == nil {
		err = os.WriteFile(d.h.cfg.State.Holds(), raw, 0o600)
	}
	if err == nil {
		d.h.leases.Hold(uuid, why)
	}
	return err
}

func (h *Host) readHolds() (map[string]string, error) {
	held := map[string]string{}
	raw, err := os.ReadFile(h.cfg.State.Holds())
	if errors.Is(err, fs.ErrNotExist) {
		return held, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &held)
	}
	return held, err
}
