// Shows the OpenAPI document. "Try it out" works with the session of the browser.
"use strict";

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // No badge from a validator elsewhere: this page loads nothing from the network.
  validatorUrl: null,
});
