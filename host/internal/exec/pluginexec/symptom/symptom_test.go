package symptom

import (
	"strings"
	"testing"
)

// said holds messages as they are printed.
var said = map[Symptom][]string{
	OutOfMemory: {
		"RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity)",
		"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB. GPU 0 has a total capacity of 23.65 GiB of which 331.00 MiB is free.",
		"torch.cuda.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)",
		"torch.OutOfMemoryError: Allocation on device ",
		"Allocation on device 0 would exceed allowed memory. (out of memory)",
		"CUDA error: out of memory",
		"CUDA error 2: out of memory",
		"ggml-cuda.cu:7036: CUDA error: out of memory",
		"CUDA failure 2: out of memory ; GPU=0 ; hostname=box",
		"cudaErrorMemoryAllocation: out of memory",
		"pycuda._driver.MemoryError: CUDA_ERROR_OUT_OF_MEMORY",
		"RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
		"cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
		"torch.OutOfMemoryError: HIP out of memory. Tried to allocate 20.00 MiB.",
		"HIP error: out of memory",
		"hipErrorOutOfMemory",
		"RuntimeError: MPS backend out of memory (MPS allocated: 17.72 GB, other allocations: 2.55 GB, max allowed: 18.13 GB).",
		"ggml_backend_cuda_buffer_type_alloc_buffer: allocating 183.73 MiB on device 0: cudaMalloc failed: out of memory",
		"ggml_backend_cuda_buffer_type_alloc_buffer: allocating 805.66 MiB on device 0: cudaMalloc failed",
		"E llama_model_load: error loading model: unable to allocate CUDA0 buffer",
		"alloc_tensor_range: failed to allocate ROCm0 buffer of size 1354132480",
		"error: failed to allocate 4096 MiB on device 1",
		"Failed to allocate 12884901888 bytes on device GPU-8a1f",
		"vk::Device::allocateMemory: ErrorOutOfDeviceMemory",
		"Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
		"OOM when allocating tensor with shape[8,512,512] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc",
		`"llama runner process has terminated: cudaMalloc failed: out of memory"`,
		"Traceback (most recent call last):\n  File \"x.py\", line 3\ntorch.OutOfMemoryError: CUDA out of memory.\n",
	},
	Lost: {
		"Unable to determine the device handle for GPU0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU",
		"NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
		"kernel: NVRM: Xid (PCI:0000:65:00): 79, pid=1234",
		"RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable",
		"cudaErrorDevicesUnavailable",
		"NVML_ERROR_GPU_IS_LOST",
		"cuCtxCreate: CUDA_ERROR_DEVICE_UNAVAILABLE",
		"CUDA error: out of memory\nGPU is lost",
	},
	Unseen: {
		"RuntimeError: CUDA error: no CUDA-capable device is detected",
		"RuntimeError: No CUDA GPUs are available",
		"hipErrorNoDevice: no ROCm-capable device is detected",
	},
	Broken: {
		"RuntimeError: CUDA error: unspecified launch failure",
		"CUDA error: an illegal memory access was encountered",
		"CUDA error: device-side assert triggered",
		"cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL_ADDRESS",
		"hipErrorLaunchFailure",
		"Memory access fault by GPU node-1 (Agent handle: 0x55) on address 0x7f. Reason: Page not present or supervisor privilege.",
	},
	None: {
		"",
		"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
		"MemoryError",
		"numpy.core._exceptions.MemoryError: Unable to allocate 8.00 GiB for an array",
		"RuntimeError: [enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: not enough memory: you tried to allocate 8589934592 bytes.",
		"Out of memory: Killed process 1234 (python) total-vm:64GB",
		"fatal error: runtime: out of memory",
		"java.lang.OutOfMemoryError: Java heap space",
		"JavaScript heap out of memory",
		"write failed: no space left on device",
		"failed to allocate 3 extents: no space left on device",
		"failed to allocate 10 blocks on device /dev/sda1",
		"failed to allocate 2 GiB on device CPU",
		"ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 1354132480",
		"ggml_cuda_host_malloc: failed to allocate 100.00 MiB of pinned memory: out of memory",
		"ggml_backend_cuda_buffer_type_alloc_buffer: allocating 100.00 MiB on device 0",
		"alloc_tensor_range: failed to allocate CPU buffer of size 1354132480",
		"vk::Device::allocateMemory: ErrorOutOfHostMemory",
		"model requires more system memory (12.0 GiB) than is available (7.1 GiB)",
		"NVRM: Xid (PCI:0000:01:00): 31, pid=79, name=python",
		"NVRM: Xid (PCI:0000:01:00): 13, pid=1790, Graphics Exception",
		"CUDA error: invalid argument",
		"OOM when allocating tensor with shape[8,512] on /device:CPU:0 by allocator cpu",
		"using CUDA device 0 with 23.65 GiB of memory",
		"CUDA initialised; out of memory errors are retried with smaller tiles",
		"the patient had an illegal substance",
	},
}

func TestOf(t *testing.T) {
	t.Parallel()
	for want, texts := range said {
		for _, text := range texts {
			got, line := Of(text)
			if got != want {
				t.Errorf("%q: got %q by %q, want %q", text, got, line, want)
			}
			if (line == "") != (got == None) || !strings.Contains(text, line) {
				t.Errorf("%q: the line that says so is %q", text, line)
			}
		}
	}
}

// TestEveryPattern: each is proven by one message at least.
func TestEveryPattern(t *testing.T) {
	t.Parallel()
	var unproven []string
	for _, p := range patterns {
		proven := false
		for _, text := range said[p.symptom] {
			for line := range strings.Lines(text) {
				proven = proven || p.is.MatchString(line)
			}
		}
		if !proven {
			unproven = append(unproven, p.is.String())
		}
	}
	if len(unproven) > 0 {
		t.Errorf("no message proves %q", unproven)
	}
}

func FuzzOf(f *testing.F) {
	for _, texts := range said {
		for _, text := range texts {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, line := Of(text); (s == None) != (line == "") {
			t.Errorf("%q is %q by %q", text, s, line)
		}
	})
}
