package tune

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

//go:embed prune.py
var prune string

// f5 trains F5-TTS by its finetune_cli.py. It wants data and checkpoints in folders of its own source.
func f5(ctx context.Context, j *Job) (Models, error) {
	if _, err := j.spoken("en", "zh"); err != nil {
		return nil, err
	}
	name := "spinbot_" + j.ID
	data, saves := filepath.Join(j.Folder, "data", name+"_pinyin"), filepath.Join(j.Folder, "ckpts", name)
	list, err := j.write("clips.csv", "audio_file|text\n"+j.lines(func(c Clip, text string) string { return c.Path + "|" + text }))
	if err != nil {
		return nil, err
	}
	script := filepath.Join(j.Folder, "src", "f5_tts", "train", "finetune_cli.py")
	steps := max(1, (len(j.Clips)+j.Batch-1)/j.Batch) // updates in an epoch
	args := []string{j.Python, script, "--exp_name", "F5TTS_v1_Base", "--dataset_name", name, "--finetune", "--tokenizer", "pinyin", "--epochs", strconv.Itoa(j.Epochs),
		"--batch_size_type", "sample", "--batch_size_per_gpu", strconv.Itoa(j.Batch), "--num_warmup_updates", strconv.Itoa(steps), "--save_per_updates", "1000000000",
		"--last_per_updates", strconv.Itoa(steps * j.Every), "--keep_last_n_checkpoints", "0"}
	if j.Rate > 0 {
		args = append(args, "--learning_rate", strconv.FormatFloat(j.Rate, 'g', -1, 64))
	}
	latest := filepath.Join(saves, "model_last.pt")
	if err := j.run(ctx, stage{name: "preparing the recordings", from: 0, to: 0.05, args: []string{j.Python, "-m", "f5_tts.train.datasets.prepare_csv_wavs", list, data}}); err != nil {
		return nil, err
	}
	if err := j.run(ctx, stage{name: "training F5-TTS", from: 0.05, to: 0.95, args: args, epochs: j.Epochs, saves: latest}); err != nil {
		return nil, err
	}
	out := filepath.Join(j.Work, "f5.safetensors")
	to, err := j.write("prune.py", prune)
	if err == nil {
		err = j.run(ctx, stage{name: "writing the model", from: 0.95, to: 1, args: []string{j.Python, to, latest, out}})
	}
	if err != nil {
		return nil, err
	}
	return Models{"ckpt_file": out}, errors.Join(os.RemoveAll(data), os.RemoveAll(saves))
}
