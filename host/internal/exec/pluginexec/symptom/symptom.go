// Package symptom owns what the messages of drivers, frameworks and engines mean for the device that a task ran on: out
// of its memory, lost, or in a state in which the process cannot go on. It knows text only, and refuses to guess: what
// may as well come from the machine's own memory is no symptom of a device.
package symptom

import (
	"regexp"
	"strings"
)

// Symptom is what a text says of a device.
type Symptom string

// The symptoms, the one that weighs most first.
const (
	None Symptom = ""
	// Lost: the device is gone for every process, until somebody or a reset brings it back.
	Lost Symptom = "lost"
	// Unseen: the process sees no device at all.
	Unseen Symptom = "unseen"
	// OutOfMemory: the device's memory did not suffice. The process is as it was.
	OutOfMemory Symptom = "out of memory"
	// Broken: what the process holds on the device is spoilt; all that it does there fails from now on. Another process
	// works.
	Broken Symptom = "broken"
)

// pattern is one way to say it. Unless what else the line holds shows that it means something else.
type pattern struct {
	symptom Symptom
	is      *regexp.Regexp
	unless  *regexp.Regexp // nil: nothing else
}

func says(s Symptom, is string) pattern { return pattern{s, regexp.MustCompile("(?i)" + is), nil} }

func unless(p pattern, other string) pattern {
	p.unless = regexp.MustCompile("(?i)" + other)
	return p
}

// patterns are tried in this order on each line.
var patterns = []pattern{
	says(Lost, `\bGPU is lost\b`),
	says(Lost, `\bGPU has fallen off the bus\b`),
	says(Lost, `\bNVML_ERROR_GPU_IS_LOST\b`),
	says(Lost, `\bXid\b.*[:\s]79\b`),
	says(Lost, `\bcudaErrorDevicesUnavailable\b`),
	says(Lost, `all CUDA-capable devices are busy or unavailable`),
	says(Lost, `\bCUDA_ERROR_DEVICE_UNAVAILABLE\b`),

	says(Unseen, `no (CUDA|ROCm|HIP)-capable device is detected`),
	says(Unseen, `\b(cudaErrorNoDevice|CUDA_ERROR_NO_DEVICE|hipErrorNoDevice)\b`),
	says(Unseen, `No (CUDA|HIP) GPUs are available`),

	says(OutOfMemory, `\b(CUDA|HIP|XPU) out of memory\b`),
	says(OutOfMemory, `\b(CUDA|HIP) error( \d+)?: out of memory\b`),
	says(OutOfMemory, `\bCUDA (failure|error) 2: out of memory\b`),
	says(OutOfMemory, `\b(cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|hipErrorOutOfMemory)\b`),
	says(OutOfMemory, `\b(cudaMalloc|hipMalloc)\w* failed: out of memory\b`),
	says(OutOfMemory, `\b(CUBLAS|CUDNN|CUSPARSE|CUSOLVER|CUFFT|HIPBLAS)_(STATUS_)?ALLOC_FAILED\b`),
	says(OutOfMemory, `\btorch\.(cuda\.)?OutOfMemoryError\b`),
	says(OutOfMemory, `\bMPS backend out of memory\b`),
	says(OutOfMemory, `\bkIOGPUCommandBufferCallbackErrorOutOfMemory\b`),
	says(OutOfMemory, `\b(VK_ERROR_OUT_OF_DEVICE_MEMORY|ErrorOutOfDeviceMemory)\b`),
	says(OutOfMemory, `\bAllocation on device\b.*(exceed allowed memory|out of memory)`),
	says(OutOfMemory, `\bOOM when allocating tensor\b.*\bGPU:\d`),
	says(OutOfMemory, `\bggml_backend_(cuda|hip|musa|vk|vulkan|sycl|cann)_buffer_type_alloc_buffer: (allocating\b.*\b(failed|out of memory)|failed to allocate)`),
	says(OutOfMemory, `\b(unable|failed) to allocate (CUDA|ROCm|HIP|Vulkan|Metal|SYCL|MUSA)\d* buffer\b`),
	unless(says(OutOfMemory, `\bfailed to allocate\b.*\bon device\b`), `no space left|\bon device /|\bdevice (cpu|meta)\b`),

	says(Broken, `\bunspecified launch failure\b`),
	says(Broken, `\ban illegal memory access\b`),
	says(Broken, `\b(cudaErrorIllegalAddress|cudaErrorLaunchFailure|CUDA_ERROR_ILLEGAL_ADDRESS|CUDA_ERROR_LAUNCH_FAILED)\b`),
	says(Broken, `\bCUDA error: (device-side assert triggered|misaligned address|an illegal instruction|uncorrectable ECC error)`),
	says(Broken, `\b(hipErrorIllegalAddress|hipErrorLaunchFailure)\b`),
	says(Broken, `\bMemory access fault by GPU node\b`),
}

// maxLine is what is looked at of one line: a message stands at its beginning.
const maxLine = 4 << 10

// Of gives the symptom of the text that weighs most, and the line that says so.
func Of(text string) (Symptom, string) {
	best := len(patterns)
	said := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if len(line) > maxLine {
			line = strings.ToValidUTF8(line[:maxLine], "")
		}
		for i, p := range patterns[:best] {
			if p.is.MatchString(line) && (p.unless == nil || !p.unless.MatchString(line)) {
				best, said = i, line
				break
			}
		}
	}
	if best == len(patterns) {
		return None, ""
	}
	return patterns[best].symptom, said
}
