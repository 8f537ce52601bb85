package config

import (
	"path"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// Bill says what runs cost.
type Bill struct {
	Prices bill.Prices
	// Keep is how long the bills of runs that were removed stay; 0: for ever.
	Keep time.Duration
}

var billBlock = language.Block{Name: "bill", Doc: "What runs cost: see `spinbot bill`. Without a currency no money is spoken of",
	Words: []language.Word{
		{Name: "currency", Type: value.Text, Default: `""`, Doc: "what prices are in, such as `\"EUR\"`"},
		{Name: "gpu_hour", Type: value.Number, Default: "0", Doc: "the price of an hour of a device, for its own part when several tasks hold it"},
		{Name: "kwh", Type: value.Number, Default: "0", Doc: "the price of a kilowatt-hour that devices draw"},
		{Name: "keep", Type: value.Duration, Default: `"730d"`, Doc: "how long the bill of a run stays when the run itself has been removed; 0s: for ever"},
	},
	Blocks: []language.Block{
		{Name: "device", Labels: []string{"match"}, Many: true, Doc: "The price of some devices; the first block that matches counts. Its label is a name or a UUID, in which `*` stands for anything: `device \"NVIDIA H100*\" { }`",
			Words: []language.Word{{Name: "gpu_hour", Type: value.Number, Required: true, Doc: "the price of an hour of it"}}},
	}}

func (r *reader) bill(g given) {
	b := Bill{Prices: bill.Prices{Currency: get[string](g, "currency"), GPUHour: get[float64](g, "gpu_hour"), KWh: get[float64](g, "kwh")}, Keep: get[time.Duration](g, "keep")}
	if g.has("currency") && b.Prices.Currency == "" {
		r.Fail(g.where("currency"), "", "currency: want one, such as \"EUR\"")
	}
	for _, x := range g.block.Body.Blocks {
		if x.Type != "device" {
			continue
		}
		if len(x.Labels) != 1 {
			r.Fail(x.DefRange(), "", "device has one label in bill, a name or a UUID: device \"NVIDIA H100*\" { }")
			continue
		}
		if _, err := path.Match(x.Labels[0], ""); err != nil {
			r.Fail(x.LabelRanges[0], "", "%q is no pattern: a bracket is not closed", x.Labels[0])
			continue
		}
		d := r.read(x, billBlock.Blocks[0], "bill.device."+x.Labels[0])
		b.Prices.Devices = append(b.Prices.Devices, bill.DevicePrice{Match: x.Labels[0], GPUHour: get[float64](d, "gpu_hour")})
	}
	if b.Prices.Currency == "" && !g.has("currency") && (g.has("gpu_hour") || g.has("kwh") || len(b.Prices.Devices) > 0) {
		r.Fail(g.block.DefRange(), "currency = \"EUR\"", "bill has prices, and does not say in which currency")
	}
	r.c.Bill = b
}
