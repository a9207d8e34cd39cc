package kubelet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/kubelet/logs"
	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// The limits of a termination message, in bytes and lines. See
// https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/.
const (
	maxMessage      = 4096
	maxPodMessages  = 12 << 10
	maxMessageLog   = 2048
	maxMessageLines = 80
)

func (k *Kubelet) messageFile(pod *corev1.Pod, container string, attempt int) string {
	return filepath.Join(k.volumes.PodDir(pod.UID), "containers", container, strconv.Itoa(attempt))
}

// makeMessageFile makes the file that a container may write why it ended to.
// Any user may write there.
func (k *Kubelet) makeMessageFile(pod *corev1.Pod, container string, attempt int) (string, error) {
	file := k.messageFile(pod, container, attempt)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fmt.Errorf("make termination message file: %w", err)
	}
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		return "", fmt.Errorf("make termination message file: %w", err)
	}
	return file, os.Chmod(file, 0o666) // whatever the umask
}

// terminationMessage is what a dead container has left to say: what it wrote to
// its file or, if that is empty, it failed and its policy says so, the end of
// its log. What the runtime said counts where there is neither.
func (k *Kubelet) terminationMessage(ctx context.Context, pod *corev1.Pod, spec *corev1.Container, c podsync.Container, log string) string {
	limit := maxMessage
	if n := len(pod.Spec.Containers) + len(pod.Spec.InitContainers); n > 0 {
		limit = min(limit, maxPodMessages/n)
	}
	text := readEnd(k.messageFile(pod, c.Name, c.Attempt), limit)
	if text == "" && c.ExitCode != 0 && log != "" && spec.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
		var out bytes.Buffer
		if logs.Read(ctx, log, logs.Options{Tail: maxMessageLines, Limit: -1}, &out, &out) == nil {
			text = lastBytes(out.String(), min(maxMessageLog, limit))
		}
	}
	if text == "" {
		return c.Message
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// readEnd returns the last bytes of a file, empty if it cannot be read.
func readEnd(file string, limit int) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > int64(limit) {
		if _, err := f.Seek(-int64(limit), io.SeekEnd); err != nil {
			return ""
		}
	}
	data, _ := io.ReadAll(io.LimitReader(f, int64(limit)))
	return string(data)
}

func lastBytes(text string, n int) string {
	if len(text) > n {
		return text[len(text)-n:]
	}
	return text
}
