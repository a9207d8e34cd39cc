package kinds

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func secrets() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Secret"),
		Plural:           "secrets",
		Singular:         "secret",
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Secret{} },
		NewList:          func() runtime.Object { return &corev1.SecretList{} },
		Default:          api.Do(defaultSecret),
		PrepareUpdate: api.Pair(func(s, old *corev1.Secret) {
			setDefault(&s.Type, old.Type)
		}),
		Validate:       rule(checkSecret),
		ValidateUpdate: pairRule(checkSecretUpdate),
		FieldNames:     []string{"type"},
		Fields: api.Value(func(s *corev1.Secret) fields.Set {
			return fields.Set{"type": string(s.Type)}
		}),
		Columns: table(
			text("Type", docs(corev1.Secret{}, "type"), func(s *corev1.Secret) string {
				return string(s.Type)
			}),
			count("Data", docs(corev1.Secret{}, "data"), func(s *corev1.Secret) int64 { return int64(len(s.Data)) }),
			api.AgeColumn(),
		),
	}
}

// defaultSecret turns stringData, which is there for writing alone, into data.
func defaultSecret(s *corev1.Secret) {
	setDefault(&s.Type, corev1.SecretTypeOpaque)
	if len(s.StringData) > 0 && s.Data == nil {
		s.Data = map[string][]byte{}
	}
	for key, value := range s.StringData {
		s.Data[key] = []byte(value)
	}
	s.StringData = nil
}

func checkSecret(j *judge, s *corev1.Secret) {
	path := field.NewPath("data")
	size := 0
	for _, key := range sortedKeys(s.Data) {
		j.invalid(path.Key(key), key, validation.IsConfigMapKey(key)...)
		size += len(s.Data[key])
	}
	if size > corev1.MaxSecretSize {
		j.tooLong(path, corev1.MaxSecretSize)
	}
	checkSecretType(j, s, path)
}

// checkSecretType judges what each type promises to hold.
func checkSecretType(j *judge, s *corev1.Secret, path *field.Path) {
	has := func(key string) bool { _, ok := s.Data[key]; return ok }
	need := func(key string) {
		if !has(key) {
			j.required(path.Key(key), "")
		}
	}
	switch s.Type {
	case corev1.SecretTypeServiceAccountToken:
		name := s.Annotations[corev1.ServiceAccountNameKey]
		j.filled(field.NewPath("metadata", "annotations").Key(corev1.ServiceAccountNameKey), name)
	case corev1.SecretTypeDockercfg:
		checkJSONObject(j, s, path, corev1.DockerConfigKey)
	case corev1.SecretTypeDockerConfigJson:
		checkJSONObject(j, s, path, corev1.DockerConfigJsonKey)
	case corev1.SecretTypeBasicAuth:
		if !has(corev1.BasicAuthUsernameKey) && !has(corev1.BasicAuthPasswordKey) {
			need(corev1.BasicAuthUsernameKey)
			need(corev1.BasicAuthPasswordKey)
		}
	case corev1.SecretTypeSSHAuth:
		j.filled(path.Key(corev1.SSHAuthPrivateKey), string(s.Data[corev1.SSHAuthPrivateKey]))
	case corev1.SecretTypeTLS:
		need(corev1.TLSCertKey)
		need(corev1.TLSPrivateKeyKey)
	}
}

func checkJSONObject(j *judge, s *corev1.Secret, path *field.Path, key string) {
	data, ok := s.Data[key]
	if !ok {
		j.required(path.Key(key), "")
		return
	}
	if err := json.Unmarshal(data, &map[string]any{}); err != nil {
		j.invalid(path.Key(key), "<secret contents redacted>", err.Error())
	}
}

func checkSecretUpdate(j *judge, s, old *corev1.Secret) {
	j.unchanged(field.NewPath("type"), s.Type, old.Type)
	if frozen(j, s.Immutable, old.Immutable) && !same(s.Data, old.Data) {
		j.forbidden(field.NewPath("data"), frozenDetail)
	}
}
