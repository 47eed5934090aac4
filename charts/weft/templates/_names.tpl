{{- define "weft.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: weft
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Takes a list: the context, and "control-plane" or "edge". */}}
{{- define "weft.selector" -}}
app.kubernetes.io/name: weft-{{ last . }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{/* Takes a list: the context, and the image's name. */}}
{{- define "weft.image" -}}
{{- $top := first . -}}
{{- $tags := $top.Files.Get "images.json" | default "{}" | fromJson -}}
{{ $top.Values.image.registry }}/{{ last . }}:{{ $top.Values.image.tag | default (get $tags (last .)) | default $top.Chart.AppVersion }}
{{- end }}

{{- define "weft.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "weft.podSecurity" -}}
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* Spread over zones and nodes. Takes a list like "weft.selector". */}}
{{- define "weft.spread" -}}
{{- $selector := include "weft.selector" . -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- $selector | nindent 6 }}
{{- end }}
{{- end }}

{{/* The host name at which proxies find the control plane. */}}
{{- define "weft.controlPlaneHost" -}}
weft-control-plane.{{ .Release.Namespace }}.svc
{{- end }}

{{/* Namespaces whose pods never get a sidecar. */}}
{{- define "weft.neverInjected" -}}
{{ list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace | uniq | toJson }}
{{- end }}
