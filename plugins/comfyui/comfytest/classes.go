package comfytest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// pictures are n pictures of one size; what is in them follows from the seed.
type pictures struct {
	w, h, n int
	seed    string
}

func paint(w, h int, seed string, n int) pictures {
	return pictures{max(1, w), max(1, h), max(1, n), seed}
}

func (p pictures) png(k int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	sum := k
	for _, b := range []byte(p.seed) {
		sum = sum*31 + int(b)
	}
	for y := range p.h {
		for x := range p.w {
			m.Set(x, y, color.RGBA{uint8(x*255/p.w + sum), uint8(y*255/p.h + sum*7), uint8(sum * 13), 255})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

// classes are what object_info says, in the older and the newer way of writing choices.
func classes(checkpoints, loras []string) map[string]any {
	class := func(output bool, required, optional map[string]any) map[string]any {
		return map[string]any{"input": map[string]any{"required": required, "optional": optional}, "output_node": output, "python_module": "nodes"}
	}
	link := func(kind string) []any { return []any{kind} }
	number := func(kind string, low, high any) []any { return []any{kind, map[string]any{"min": low, "max": high}} }
	size := number("INT", 1, 16384)
	text := []any{"STRING", map[string]any{"multiline": true}}
	canvas := class(false, map[string]any{"width": size, "height": size, "batch_size": number("INT", 1, 4096)}, nil)
	canvas["input_order"] = map[string]any{"required": []string{"width", "height", "batch_size"}}
	return map[string]any{
		"FakeCanvas":             canvas,
		"CheckpointLoaderSimple": class(false, map[string]any{"ckpt_name": []any{checkpoints, map[string]any{"tooltip": "x"}}}, nil),
		"LoraLoader":             class(false, map[string]any{"model": link("MODEL"), "clip": link("CLIP"), "lora_name": []any{loras}, "strength_model": number("FLOAT", -100, 100), "strength_clip": number("FLOAT", -100, 100)}, nil),
		"CLIPTextEncode":         class(false, map[string]any{"text": text, "clip": link("CLIP")}, nil),
		"EmptyLatentImage":       class(false, map[string]any{"width": size, "height": size, "batch_size": number("INT", 1, 4096)}, nil),
		"KSampler": class(false, map[string]any{"model": link("MODEL"), "positive": link("CONDITIONING"), "negative": link("CONDITIONING"), "latent_image": link("LATENT"), "seed": number("INT", 0, uint64(1<<64-1)),
			"steps": number("INT", 1, 10000), "cfg": number("FLOAT", 0, 100), "sampler_name": []any{"COMBO", map[string]any{"options": []string{"euler", "dpmpp_2m"}}}, "scheduler": []any{[]string{"normal", "karras"}}, "denoise": number("FLOAT", 0, 1)}, nil),
		"VAEDecode":    class(false, map[string]any{"samples": link("LATENT"), "vae": link("VAE")}, nil),
		"VAEEncode":    class(false, map[string]any{"pixels": link("IMAGE"), "vae": link("VAE")}, nil),
		"LoadImage":    class(false, map[string]any{"image": []any{[]string{"example.png"}, map[string]any{"image_upload": true}}}, nil),
		"EmptyImage":   class(false, map[string]any{"width": size, "height": size, "batch_size": number("INT", 1, 4096)}, map[string]any{"color": number("INT", 0, 16777215)}),
		"ImageScaleBy": class(false, map[string]any{"image": link("IMAGE"), "upscale_method": []any{[]string{"lanczos"}}, "scale_by": number("FLOAT", 0.01, 8)}, nil),
		"SaveImage":    class(true, map[string]any{"images": link("IMAGE"), "filename_prefix": text}, nil),
		"PreviewImage": class(true, map[string]any{"images": link("IMAGE")}, nil),
		"FakeFilm":     class(true, nil, nil), "FakeFail": class(true, nil, nil), "FakeOOM": class(true, nil, nil), "FakeRAM": class(true, nil, nil), "FakeDisk": class(true, nil, nil), "FakeWait": class(true, nil, nil), "FakeRefused": class(true, nil, nil), "FakeSilent": class(true, nil, nil),
		// Like those of VideoHelperSuite, it lists what is in the folder, and takes what was uploaded below it all the same.
		"FakeUploads": class(true, nil, map[string]any{"video": []any{[]string{"old.mp4"}}}),
		// Like WanVideoWrapper's loader: what it loads is a model by its name alone.
		"FakeLoader": class(true, map[string]any{"model": []any{[]string{"wan.safetensors"}}}, nil),
		"FakeGroup":  class(true, map[string]any{"images": []any{"COMFY_AUTOGROW_V3", map[string]any{"template": map[string]any{"prefix": "image", "min": 1, "max": 50}}}}, nil),
	}
}
