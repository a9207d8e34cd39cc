package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A token is replaced when 80 % of its life is over, or after a day, whichever
// is first. See
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/.
const (
	refreshPart  = 0.8
	refreshAfter = 24 * time.Hour
	// defaultTokenLife is for how long a token is asked, in seconds, where the
	// pod does not say.
	defaultTokenLife = 3600
)

// A tokenKey names one source of one volume of one pod.
type tokenKey struct {
	pod    types.UID
	volume string
	index  int
}

type token struct {
	text             string
	expires, refresh time.Time
}

// tokenFor returns the token to use now: the one at hand while it is fresh,
// else a new one; where none can be had, the one at hand until it expires.
func (m *Manager) tokenFor(ctx context.Context, key tokenKey, pod *corev1.Pod, source *corev1.ServiceAccountTokenProjection) (token, error) {
	now := time.Now()
	m.mu.Lock()
	t, have := m.tokens[key]
	m.mu.Unlock()
	if have && now.Before(t.refresh) {
		return t, nil
	}
	seconds := int64(defaultTokenLife)
	if source.ExpirationSeconds != nil {
		seconds = *source.ExpirationSeconds
	}
	text, expires, err := m.Objects.Token(ctx, pod, source.Audience, seconds)
	if err != nil {
		if have && now.Before(t.expires) {
			t.refresh = now.Add(10 * time.Second) // try again soon
			return t, nil
		}
		return token{}, fmt.Errorf("get token of service account %s: %w", pod.Spec.ServiceAccountName, err)
	}
	life := time.Duration(float64(expires.Sub(now)) * refreshPart)
	t = token{text: text, expires: expires, refresh: now.Add(min(life, refreshAfter))}
	m.mu.Lock()
	m.tokens[key] = t
	m.mu.Unlock()
	return t, nil
}

func (m *Manager) forgetTokens(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.tokens {
		if key.pod == uid {
			delete(m.tokens, key)
		}
	}
}
