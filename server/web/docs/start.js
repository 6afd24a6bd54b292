// Shows the OpenAPI document of the service that sent this page. Everything comes from there; the
// viewer's online validator stays off.
SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
