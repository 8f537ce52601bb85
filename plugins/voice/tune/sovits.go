package tune

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// pinned keeps the trainer's scripts on the device that the task was given: they set CUDA_VISIBLE_DEVICES themselves, to a number.
// Python runs it first, as sitecustomize.py.
const pinned = `import os

_set = os._Environ.__setitem__


def _keep(self, key, value):
    if key != "CUDA_VISIBLE_DEVICES":
        _set(self, key, value)


os._Environ.__setitem__ = _keep
`

// Where a clone of GPT-SoVITS has its pretrained models of version 2.
const (
	pretrained  = "GPT_SoVITS/pretrained_models/"
	pretrainedG = pretrained + "gsv-v2final-pretrained/s2G2333k.pth"
	pretrainedD = pretrained + "gsv-v2final-pretrained/s2D2333k.pth"
	pretrained1 = pretrained + "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt"
)

// PretrainedSovits are the models that GPT-SoVITS speaks with where none was trained, as its service is told them.
func PretrainedSovits() Models { return Models{"gpt": pretrained1, "sovits": pretrainedG} }

// sovits trains GPT-SoVITS, version 2, by the scripts that its web page runs.
func sovits(ctx context.Context, j *Job) (Models, error) {
	lang, err := j.spoken("en", "zh", "ja", "ko", "yue")
	if err != nil {
		return nil, err
	}
	list, err := j.write("clips.list", j.lines(func(c Clip, text string) string { return c.Path + "|" + j.ID + "|" + lang + "|" + text }))
	if err != nil {
		return nil, err
	}
	exp, weights := filepath.Join(j.Work, "exp"), filepath.Join(j.Work, "weights")
	if err := errors.Join(os.MkdirAll(filepath.Join(exp, "logs_s2_v2"), 0o700), os.MkdirAll(filepath.Join(exp, "logs_s1"), 0o700), os.MkdirAll(weights, 0o700)); err != nil {
		return nil, err
	}
	s1, s2, err := j.sovitsConfig(exp, weights)
	if err != nil {
		return nil, err
	}
	if _, err := j.write(filepath.Join("pin", "sitecustomize.py"), pinned); err != nil {
		return nil, err
	}
	env := []string{"version=v2", "hz=25hz", "inp_text=" + list, "inp_wav_dir=", "exp_name=" + j.ID, "opt_dir=" + exp, "i_part=0", "all_parts=1", "is_half=True",
		"bert_pretrained_dir=" + pretrained + "chinese-roberta-wwm-ext-large", "cnhubert_base_dir=" + pretrained + "chinese-hubert-base", "pretrained_s2G=" + pretrainedG, "s2config_path=GPT_SoVITS/configs/s2.json"}
	path := []string{j.Folder, filepath.Join(j.Folder, "GPT_SoVITS")}
	if len(j.Task.Devices) > 0 {
		path = append([]string{filepath.Join(j.Work, "pin")}, path...)
	}
	env = append(env, "PYTHONPATH="+strings.Join(path, string(os.PathListSeparator)))
	for _, s := range []stage{
		{name: "reading the texts", from: 0, to: 0.04, args: []string{"prepare_datasets/1-get-text.py"}},
		{name: "hearing the recordings", from: 0.04, to: 0.08, args: []string{"prepare_datasets/2-get-hubert-wav32k.py"}},
		{name: "naming the sounds", from: 0.08, to: 0.12, args: []string{"prepare_datasets/3-get-semantic.py"}},
		{name: "training SoVITS", from: 0.12, to: 0.56, args: []string{"s2_train.py", "--config", s2}, epochs: j.Epochs, saves: filepath.Join(exp, "logs_s2_v2", "G_*.pth")},
		{name: "training GPT", from: 0.56, to: 1, args: []string{"s1_train.py", "--config_file", s1}, epochs: j.Epochs, saves: filepath.Join(exp, "logs_s1_v2", "ckpt", "*.ckpt")},
	} {
		s.args[0] = filepath.Join("GPT_SoVITS", s.args[0])
		s.args, s.env = append([]string{j.Python, "-s"}, s.args...), env
		if err := j.run(ctx, s); err != nil {
			return nil, err
		}
		if err := gather(exp); err != nil {
			return nil, err
		}
	}
	g, _, e1 := last(filepath.Join(weights, "*.pth"))
	gpt, _, e2 := last(filepath.Join(weights, "*.ckpt"))
	return Models{"gpt": gpt, "sovits": g}, errors.Join(e1, e2)
}

// gather gives what a script prepared for one part of the recordings, the only one, the name that the next script reads. Scripts leave
// out what they cannot read and end well all the same.
func gather(exp string) error {
	for part, whole := range map[string][2]string{"2-name2text-0.txt": {"2-name2text.txt", ""}, "6-name2semantic-0.tsv": {"6-name2semantic.tsv", "item_name\tsemantic_audio\n"}} {
		raw, err := os.ReadFile(filepath.Join(exp, part))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(raw)) == "" {
			return sdk.Fail("GPT-SoVITS could read none of the recordings", "the task's log says why")
		}
		if err := errors.Join(os.WriteFile(filepath.Join(exp, whole[0]), append([]byte(whole[1]), raw...), 0o600), os.Remove(filepath.Join(exp, part))); err != nil {
			return err
		}
	}
	return nil
}

// sovitsConfig writes the configurations of both trainings. JSON is YAML, too.
func (j *Job) sovitsConfig(exp, weights string) (s1, s2 string, err error) {
	raw, err := os.ReadFile(filepath.Join(j.Folder, "GPT_SoVITS", "configs", "s2.json"))
	if err != nil {
		return "", "", sdk.Refuse(j.Folder+" is not the folder of GPT-SoVITS: it has no GPT_SoVITS/configs/s2.json", "name the folder that git clone made")
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", "", sdk.Refuse("GPT_SoVITS/configs/s2.json of "+j.Folder+" cannot be read: "+err.Error(), "get it anew")
	}
	part := func(name string) map[string]any {
		m, _ := c[name].(map[string]any)
		if m == nil {
			m = map[string]any{}
			c[name] = m
		}
		return m
	}
	every := min(j.Every, j.Epochs)
	for j.Epochs%every != 0 { // what is made last is kept
		every--
	}
	train := part("train")
	for name, v := range map[string]any{"batch_size": j.Batch, "epochs": j.Epochs, "text_low_lr_rate": 0.4, "pretrained_s2G": pretrainedG, "pretrained_s2D": pretrainedD, "if_save_latest": 1,
		"if_save_every_weights": true, "save_every_epoch": every, "gpu_numbers": "0", "grad_ckpt": false, "lora_rank": 0} {
		train[name] = v
	}
	if j.Rate > 0 {
		train["learning_rate"] = j.Rate
	}
	part("model")["version"], part("data")["exp_dir"] = "v2", exp
	c["s2_ckpt_dir"], c["save_weight_dir"], c["name"], c["version"] = exp, weights, j.ID, "v2"
	gpt := map[string]any{
		"train": map[string]any{"seed": 1234, "epochs": j.Epochs, "batch_size": j.Batch, "save_every_n_epoch": every, "precision": "16-mixed", "gradient_clip": 1.0, "if_save_every_weights": true, "if_save_latest": true,
			"if_dpo": false, "half_weights_save_dir": weights, "exp_name": j.ID},
		"optimizer": map[string]any{"lr": 0.01, "lr_init": 0.00001, "lr_end": 0.0001, "warmup_steps": 2000, "decay_steps": 40000},
		"data":      map[string]any{"max_eval_sample": 8, "max_sec": 54, "num_workers": 4, "pad_val": 1024},
		"model": map[string]any{"vocab_size": 1025, "phoneme_vocab_size": 732, "embedding_dim": 512, "hidden_dim": 512, "head": 16, "linear_units": 2048, "n_layer": 24, "dropout": 0, "EOS": 1024,
			"random_bert": 0},
		"inference": map[string]any{"top_k": 15}, "pretrained_s1": pretrained1, "train_semantic_path": filepath.Join(exp, "6-name2semantic.tsv"), "train_phoneme_path": filepath.Join(exp, "2-name2text.txt"),
		"output_dir": filepath.Join(exp, "logs_s1_v2")}
	save := func(name string, v any) (path string) {
		raw, e := json.MarshalIndent(v, "", "  ")
		if err = errors.Join(err, e); err == nil {
			path, err = j.write(name, string(raw))
		}
		return path
	}
	return save("s1.yaml", gpt), save("s2.json", c), err
}
