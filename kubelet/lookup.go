package kubelet

import (
	"context"
	"fmt"
	"net/http"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet/volume"
)

// lookup is the API server as volumes see it.
type lookup struct{ k *Kubelet }

var _ volume.Objects = lookup{}

// ConfigMap implements [volume.Objects].
func (l lookup) ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	return l.k.configMaps.Get(ctx, namespace, name)
}

// Secret implements [volume.Objects].
func (l lookup) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return l.k.secrets.Get(ctx, namespace, name)
}

// Claim implements [volume.Objects]. Claims are read when a pod starts, and not
// watched.
func (l lookup) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, error) {
	c := l.k.cfg.Client
	claim, err := client.For[*corev1.PersistentVolumeClaim](c).Get(ctx, namespace, name)
	if err != nil {
		return nil, nil, err
	}
	if claim.Status.Phase != corev1.ClaimBound || claim.Spec.VolumeName == "" {
		return nil, nil, fmt.Errorf("claim %s is not bound to a volume", name)
	}
	pv, err := client.For[*corev1.PersistentVolume](c).Get(ctx, "", claim.Spec.VolumeName)
	if err != nil {
		return nil, nil, err
	}
	return claim, pv, nil
}

// Token implements [volume.Objects] with the TokenRequest API. See
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/.
func (l lookup) Token(ctx context.Context, pod *corev1.Pod, audience string, seconds int64) (string, time.Time, error) {
	request := &authenticationv1.TokenRequest{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Spec.ServiceAccountName, Namespace: pod.Namespace},
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &seconds,
			BoundObjectRef: &authenticationv1.BoundObjectReference{
				APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID,
			},
		},
	}
	if audience != "" {
		request.Spec.Audiences = []string{audience}
	}
	answer := &authenticationv1.TokenRequest{}
	err := client.For[*corev1.ServiceAccount](l.k.cfg.Client).Subresource(ctx, http.MethodPost,
		pod.Namespace, pod.Spec.ServiceAccountName, "token", request, answer)
	if err != nil {
		return "", time.Time{}, err
	}
	return answer.Status.Token, answer.Status.ExpirationTimestamp.Time, nil
}
