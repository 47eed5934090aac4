{{- define "shop.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The tags that `make images` has written, as JSON. */}}
{{- define "shop.images" -}}
{{ .Files.Get "images.json" | default "{}" }}
{{- end }}

{{- define "shop.setupImage" -}}
{{- $tag := .Values.service.image.tag | default (get (include "shop.images" . | fromJson) "database-setup") | default .Chart.AppVersion -}}
{{ .Values.service.image.registry }}/database-setup:{{ $tag }}
{{- end }}

{{- define "shop.adminSecret" -}}
{{ if eq .Values.database.mode "external" }}{{ .Values.database.external.adminSecret }}{{ else }}{{ .Release.Name }}-postgres-admin{{ end }}
{{- end }}

{{/* The default `database` value of each service. JSON. */}}
{{- define "shop.database" -}}
{{- $database := .Values.database -}}
{{- if eq $database.mode "external" -}}
{{- $external := $database.external -}}
{{- dict "name" $database.name "host" $external.host "port" $external.port "tls" $external.tls "iam" $external.iam "caConfigMap" $external.caConfigMap | toJson -}}
{{- else -}}
{{- dict "name" $database.name "host" (printf "%s-postgres" .Release.Name) | toJson -}}
{{- end -}}
{{- end }}

{{/* The context of each enabled service for the templates of charts/service, by name. */}}
{{- define "shop.values" -}}
{{- $database := include "shop.database" . | fromJson -}}
{{- $all := dict -}}
{{- range $name, $own := .Values.services -}}
{{- if $own.enabled -}}
{{- $values := mergeOverwrite (deepCopy $.Values.service) (dict "name" $name "database" $database) (omit $own "enabled") -}}
{{- if and $values.database.schema (eq $.Values.database.mode "evaluation") (not $own.initContainers) -}}
{{- $_ := set $values "initContainers" (list (include "shop.wait" (merge (dict "Values" $values "Root" $) (omit $ "Values")) | fromYaml)) -}}
{{- end -}}
{{- $_ := set $all $name $values -}}
{{- end -}}
{{- end -}}
{{ $all | toJson }}
{{- end }}

{{/* The PostgreSQL of the same release starts at the same time as its services. */}}
{{- define "shop.wait" -}}
name: wait-for-database
image: {{ include "shop.setupImage" .Root }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [wait]
env: {{- include "service.databaseEnv" . | nindent 2 }}
resources: {{- toYaml .Root.Values.setup.resources | nindent 2 }}
securityContext: {{- include "service.containerSecurity" . | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{/* The setup jobs of charts/service for all services (databaseSetup.manifests); empty if roles and schemas already exist. JSON. */}}
{{- define "shop.setup" -}}
{{- $roles := list -}}
{{- range $name, $values := include "shop.values" . | fromJson -}}
{{- with $values.database -}}
{{- if .schema -}}
{{- $roles = append $roles (dict "role" .schema "schema" .schema "secret" (.secret | default (printf "%s-database" $name))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $external := eq .Values.database.mode "external" -}}
{{- $admin := include "shop.adminSecret" . -}}
{{- $setup := dict "database" .Values.database.name "iam" (and $external .Values.database.external.iam) "roles" $roles -}}
{{- if not $external -}}
{{- $_ := set $setup "adminSecret" (dict "name" $admin "username" "postgres") -}}
{{- end -}}
{{- if and $roles $admin -}}
{{- dict
  "name" .Release.Name
  "labels" (include "shop.labels" . | fromYaml)
  "roles" $setup
  "credentials" (not $setup.iam)
  "admin" $admin
  "hook" $external
  "database" (include "shop.database" . | fromJson)
  "image" (include "shop.setupImage" .)
  "pullPolicy" .Values.service.image.pullPolicy
  "pullSecrets" .Values.service.image.pullSecrets
  "resources" .Values.setup.resources
  | toJson -}}
{{- end -}}
{{- end }}
