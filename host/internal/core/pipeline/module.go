package pipeline

import "path"

// ModuleFile is the file that a module's source means when it stands in file. A folder means the pipeline.hcl in it.
func ModuleFile(file, source string) string {
	to := path.Join(path.Dir(file), source)
	if path.Ext(to) != ".hcl" {
		to = path.Join(to, moduleFile)
	}
	return to
}

// moduleFile is the pipeline of a folder that is named as a module's source.
const moduleFile = "pipeline.hcl"
