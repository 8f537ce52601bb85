package wasmexec

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// abiVersion is that of sdk/guest.
const abiVersion = 1

// instantiate makes an instance and lets it initialise.
func (m *module) instantiate(ctx context.Context) (_ *instance, err error) {
	box := newSandbox(m.e.config.Limits)
	c := m.begin(ctx, box, m.name, nil, m.e.config.Limits, newArtifacts(nil))
	defer c.end()
	mod, err := m.start(c, box, box.config(m.name).WithStdout(&box.stderr))
	if err != nil {
		return nil, err
	}
	i := &instance{
		box: box, module: mod, clean: true,
		alloc: mod.ExportedFunction("spinbot_alloc"), run: mod.ExportedFunction("spinbot_run"),
	}
	if m.form == formExtism {
		err = i.startExtism(c)
	} else {
		err = i.startReactor(c)
	}
	if err == nil {
		err = i.save(c)
	}
	if err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// startReactor lets a guest of sdk/guest initialise, and asks which ABI it speaks.
func (i *instance) startReactor(c *call) error {
	if f := i.module.ExportedFunction("_initialize"); f != nil {
		if _, err := f.Call(c.ctx); err != nil {
			return c.explain(err)
		}
	}
	version, err := i.module.ExportedFunction("spinbot_abi").Call(c.ctx)
	if err != nil {
		return c.explain(err)
	}
	if version[0] != abiVersion {
		return refuse(fmt.Sprintf("%s speaks version %d of the ABI; this host speaks %d: build it with a matching sdk", c.m.name, version[0], abiVersion))
	}
	return nil
}

// save puts the state of a fresh instance aside, if it can be restored. Instances of one module share it where it is
// the same, as it is for all that start alike.
func (i *instance) save(c *call) error {
	if c.m.unmetered != nil {
		return nil
	}
	i.box.spoiled = false // what it did to start is what every instance does
	r, err := i.module.ExportedFunction(meter.Save).Call(c.ctx)
	if err != nil {
		return c.explain(err)
	}
	if r[0] != 0 {
		return nil
	}
	i.restore = i.module.ExportedFunction(meter.Restore)
	i.saved = c.m.pool.share(takeSnapshot(&i.box.memory))
	i.uptime = i.box.uptime
	return nil
}

// reset makes the instance as it was when it was fresh; false when it cannot be.
func (i *instance) reset() bool {
	if i.restore == nil || i.box.spoiled {
		return false
	}
	var stack [1]uint64
	if err := i.restore.CallWithStack(i.box.ctx, stack[:]); err != nil || stack[0] != 0 {
		return false
	}
	i.box.uptime = i.uptime
	i.clean = i.saved.restore(&i.box.memory, i.module.Memory())
	return i.clean
}

// runReactor carries out one task in an instance of the pool.
func (m *module) runReactor(ctx context.Context, t *sdk.Task, l sdk.Limits, files *artifacts) (sdk.Values, error) {
	who := tenant{t.Owner, t.Pipeline}
	i, err := m.pool.take(ctx, who, l)
	if err != nil {
		return nil, err
	}
	i.clean, i.tenant = false, who
	c := m.begin(ctx, i.box, t.Type, t, l, files)
	if size := len(i.box.memory.buf); int64(size) > l.Memory { // it begins with more
		i.box.memory.refused = uint64(size)
		err := c.outOfMemory("")
		c.end()
		m.pool.put(i)
		return nil, err
	}
	out, err := i.call(c, t, files)
	i.box.stderr.flush()
	left := files.close()
	c.end()
	small := int64(i.module.Memory().Size()) <= m.e.config.Limits.Memory/2
	if err == nil && left == 0 && small {
		m.pool.put(i)
		return out.Outputs, failure(out.Err, nil)
	}
	i.close()
	if err != nil {
		return nil, err
	}
	return out.Outputs, failure(out.Err, nil)
}

// keepInput is the largest room in bytes that is kept for the next task.
const keepInput = 64 << 10

// call writes the task into the guest's memory, runs it and reads how it ended. An error leaves the instance useless.
func (i *instance) call(c *call, t *sdk.Task, files *artifacts) (o guest.Outcome, err error) {
	task := *t
	task.Inputs = files.inputs
	input, err := guest.AppendTask(i.input[:0], &task)
	if err != nil {
		return o, sdk.Refuse(t.Type+": input "+err.Error(), "")
	}
	if cap(input) <= keepInput {
		i.input = input
	}
	i.box.in = int64(len(input))
	stack := [2]uint64{api.EncodeU32(uint32(len(input)))}
	if err := i.alloc.CallWithStack(c.ctx, stack[:]); err != nil {
		return o, c.explain(err)
	}
	address := api.DecodeU32(stack[0])
	if !i.module.Memory().Write(address, input) {
		return o, refuse(t.Type + ": its module gives no room for a task of " + size(int64(len(input))))
	}
	stack = [2]uint64{uint64(address), api.EncodeU32(uint32(len(input)))}
	if err := i.run.CallWithStack(c.ctx, stack[:]); err != nil {
		return o, c.explain(err)
	}
	output, err := i.region(c, stack[0])
	if err != nil {
		return o, err
	}
	if o, err = guest.DecodeOutcome(output); err != nil {
		return o, sdk.Refuse(t.Type+": its module's answer cannot be read: "+err.Error(), "build it with the sdk of this host's version")
	}
	if o.Broken {
		return o, failure(o.Err, &i.box.stderr)
	}
	return o, nil
}

// region reads what the guest returned; the bytes are the guest's.
func (i *instance) region(c *call, r uint64) ([]byte, error) {
	address, length := uint32(r>>32), uint32(r)
	if int64(length) > c.limits.Output {
		return nil, c.tooMuch(strconv.Itoa(int(length)) + " bytes")
	}
	c.box.out = int64(length)
	b, ok := i.module.Memory().Read(address, length)
	if !ok {
		return nil, sdk.Refuse(c.what+": its module answers with bytes outside its memory", "build it with the sdk of this host's version")
	}
	return b, nil
}

func (m *module) describeReactor(ctx context.Context) ([]byte, error) {
	i, err := m.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	defer i.close()
	c := m.begin(ctx, i.box, m.name+": describe", nil, m.e.config.Limits, newArtifacts(nil))
	defer c.end()
	r, err := i.module.ExportedFunction("spinbot_describe").Call(c.ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	b, err := i.region(c, r[0])
	return append([]byte(nil), b...), err
}

// failure makes the guest's error fit to pass on; nil for nil.
func failure(e *sdk.Error, printed *tail) error {
	if e == nil {
		return nil
	}
	c := *e
	switch c.Cause {
	case sdk.CauseFailed, sdk.CauseOOM, sdk.CauseSpilling, sdk.CauseRefused:
	default: // the others are the host's to say
		c.Cause = sdk.CauseFailed
	}
	if c.Message == "" {
		c.Message = "it failed without saying why"
	}
	if printed != nil && c.Detail == "" {
		c.Detail = printed.text()
	}
	c.Message, c.Hint, c.Detail = cut(c.Message, 4<<10), cut(c.Hint, 4<<10), cut(c.Detail, 16<<10)
	return &c
}
