package kinds

import (
	"fmt"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/api"
)

// How important a group and a version can claim to be.
const (
	maxGroupPriority   = 20000
	maxVersionPriority = 1000
)

func apiServices() *api.Resource {
	type apiService = *apiregistrationv1.APIService
	return &api.Resource{
		GroupVersionKind: apiregistrationv1.SchemeGroupVersion.WithKind("APIService"),
		Plural:           "apiservices",
		Singular:         "apiservice",
		Categories:       []string{"api-extensions"},
		StorageKey:       "apiregistration.k8s.io/apiservices",
		New:              func() api.Object { return &apiregistrationv1.APIService{} },
		NewList:          func() runtime.Object { return &apiregistrationv1.APIServiceList{} },
		Default: api.Do(func(s apiService) {
			if s.Spec.Service != nil {
				setDefaultPtr(&s.Spec.Service.Port, 443)
			}
		}),
		PrepareCreate: api.Do(prepareAPIService),
		ValidateName:  pathSegment,
		Validate:      rule(checkAPIService),
		ValidateUpdate: pairRule(func(j *judge, s, old apiService) {
			j.add(apivalidation.ValidateObjectMetaAccessorUpdate(s, old, field.NewPath("metadata"))) // again, as in Kubernetes
		}),
		ValidateStatus:        pairRule(checkAPIServiceStatus),
		CopyStatus:            api.Pair(func(dst, src apiService) { dst.Status = src.Status }),
		StatusAlone:           true,
		NoUnconditionalUpdate: true,
		Columns: table(
			text("Service", "The reference to the service that hosts this API endpoint.", apiServiceBackend),
			text("Available", "Whether this service is available.", apiServiceAvailable),
			api.AgeColumn(),
		),
	}
}

// prepareAPIService makes a group that this server serves itself available from
// the start.
func prepareAPIService(s *apiregistrationv1.APIService) {
	if s.Spec.Service == nil {
		s.Status.Conditions = []apiregistrationv1.APIServiceCondition{{
			Type: apiregistrationv1.Available, Status: apiregistrationv1.ConditionTrue,
			LastTransitionTime: metav1.Now(),
			Reason:             "Local", Message: "Local APIServices are always available",
		}}
	}
}

func checkAPIService(j *judge, s *apiregistrationv1.APIService) {
	if want := s.Spec.Version + "." + s.Spec.Group; s.Name != want && len(pathSegment(s.Name, false)) == 0 {
		j.invalid(field.NewPath("metadata", "name"), s.Name, fmt.Sprintf("must be `spec.version+\".\"+spec.group`: %q", want))
	}
	spec := field.NewPath("spec")
	if s.Spec.Group != "" {
		j.subdomain(spec.Child("group"), s.Spec.Group)
	} else if s.Spec.Version != "v1" {
		j.required(spec.Child("group"), "only v1 may have an empty group and it better be legacy kube")
	}
	j.invalid(spec.Child("version"), s.Spec.Version, validation.IsDNS1035Label(s.Spec.Version)...)
	if p := s.Spec.GroupPriorityMinimum; p <= 0 || p > maxGroupPriority {
		j.invalid(spec.Child("groupPriorityMinimum"), p, "must be positive and less than 20000")
	}
	if p := s.Spec.VersionPriority; p <= 0 || p > maxVersionPriority {
		j.invalid(spec.Child("versionPriority"), p, "must be positive and less than 1000")
	}
	if s.Spec.Service == nil {
		checkLocalAPIService(j, s, spec)
		return
	}
	service := spec.Child("service")
	j.filled(service.Child("namespace"), s.Spec.Service.Namespace)
	j.filled(service.Child("name"), s.Spec.Service.Name)
	if port := s.Spec.Service.Port; port != nil {
		for _, message := range validation.IsValidPortNum(int(*port)) {
			j.invalid(service.Child("port"), *port, "port is not valid: "+message)
		}
	}
	if s.Spec.InsecureSkipTLSVerify && len(s.Spec.CABundle) > 0 {
		j.invalid(spec.Child("insecureSkipTLSVerify"), true, "may not be true if caBundle is present")
	}
}

// checkLocalAPIService judges a group that this server serves: there is nobody
// to be trusted.
func checkLocalAPIService(j *judge, s *apiregistrationv1.APIService, spec *field.Path) {
	if len(s.Spec.CABundle) > 0 {
		j.invalid(spec.Child("caBundle"), fmt.Sprintf("%d bytes", len(s.Spec.CABundle)), "local APIServices may not have a caBundle")
	}
	if s.Spec.InsecureSkipTLSVerify {
		j.invalid(spec.Child("insecureSkipTLSVerify"), true, "local APIServices may not have insecureSkipTLSVerify")
	}
}

func checkAPIServiceStatus(j *judge, s, _ *apiregistrationv1.APIService) {
	for i, c := range s.Status.Conditions {
		supported(j, field.NewPath("status", "conditions").Index(i).Child("status"), c.Status,
			apiregistrationv1.ConditionTrue, apiregistrationv1.ConditionFalse, apiregistrationv1.ConditionUnknown)
	}
}

func apiServiceBackend(s *apiregistrationv1.APIService) string {
	if s.Spec.Service == nil {
		return "Local"
	}
	return s.Spec.Service.Namespace + "/" + s.Spec.Service.Name
}

func apiServiceAvailable(s *apiregistrationv1.APIService) string {
	for _, c := range s.Status.Conditions {
		switch {
		case c.Type != apiregistrationv1.Available:
			continue
		case c.Status == apiregistrationv1.ConditionTrue || c.Reason == "":
			return string(c.Status)
		}
		return fmt.Sprintf("%s (%s)", c.Status, c.Reason)
	}
	return string(apiregistrationv1.ConditionUnknown)
}
