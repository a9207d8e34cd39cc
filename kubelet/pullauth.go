package kubelet

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// defaultRegistry is the host of an image whose name has none.
const defaultRegistry = "docker.io"

// pullAuth returns the credentials for an image from the pod's
// imagePullSecrets, nil where there are none. A secret that is absent is no
// error: the image may be public.
func (k *Kubelet) pullAuth(ctx context.Context, pod *corev1.Pod, image string) (*cri.AuthConfig, error) {
	host := registryOf(image)
	for _, ref := range pod.Spec.ImagePullSecrets {
		secret, err := k.secrets.Get(ctx, pod.Namespace, ref.Name)
		if err != nil {
			k.event(pod, corev1.EventTypeWarning, "FailedToRetrieveImagePullSecret", "Unable to retrieve image pull secret %s", ref.Name)
			continue
		}
		auth, err := authFrom(secret, host)
		if err != nil {
			return nil, fmt.Errorf("image pull secret %s: %w", ref.Name, err)
		}
		if auth != nil {
			return auth, nil
		}
	}
	return nil, nil
}

// registryOf returns the host part of an image name.
func registryOf(image string) string {
	host, _, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return defaultRegistry
	}
	return host
}

type dockerAuth struct {
	Username, Password, Auth string
}

// authFrom finds a registry's credentials in a secret of the form of Docker's
// config.json, or of its old .dockercfg.
func authFrom(secret *corev1.Secret, host string) (*cri.AuthConfig, error) {
	var config struct{ Auths map[string]dockerAuth }
	if data, ok := secret.Data[corev1.DockerConfigJsonKey]; ok {
		if err := json.Unmarshal(data, &config); err != nil {
			return nil, fmt.Errorf("parse %s: %w", corev1.DockerConfigJsonKey, err)
		}
	} else if err := json.Unmarshal(secret.Data[corev1.DockerConfigKey], &config.Auths); err != nil {
		return nil, fmt.Errorf("parse %s: %w", corev1.DockerConfigKey, err)
	}
	for server, auth := range config.Auths {
		if serverHost(server) == host {
			return toAuth(server, auth)
		}
	}
	return nil, nil
}

func serverHost(server string) string {
	server = strings.TrimPrefix(strings.TrimPrefix(server, "https://"), "http://")
	host, _, _ := strings.Cut(server, "/")
	if host == "index.docker.io" {
		return defaultRegistry
	}
	return host
}

func toAuth(server string, auth dockerAuth) (*cri.AuthConfig, error) {
	if auth.Auth != "" {
		plain, err := base64.StdEncoding.DecodeString(auth.Auth)
		if err != nil {
			return nil, fmt.Errorf("credentials of %s: %w", server, err)
		}
		auth.Username, auth.Password, _ = strings.Cut(string(plain), ":")
	}
	return &cri.AuthConfig{Username: auth.Username, Password: auth.Password, ServerAddress: server}, nil
}
