"""What CloudFront does on AWS: the page in web/, and the stores that photos lie in, under the address of the API."""

import gzip
from typing import Any, Final

import requests
from flask import Flask, Response, abort, request, send_from_directory

from deployment.page import WEB

METHODS: Final = {"archive": "GET", "events": "POST"}
PASSED_ON: Final = ("Content-Type",)


def serve(app: Flask, template: dict[str, Any], stores: dict[str, str]) -> None:
    """Add the page, with the headers that the template gives it, and `/storage/<name>/…` for each store's address."""
    headers = _headers(template)

    @app.get("/", provide_automatic_options=False)
    @app.get("/<path:name>", provide_automatic_options=False)
    def page(name: str = "index.html") -> Response:
        response = send_from_directory(WEB, name)
        response.headers.update(headers)
        response.headers["Vary"] = "Accept-Encoding"
        if response.status_code == 200 and "gzip" in request.accept_encodings:
            response.direct_passthrough = False
            response.set_data(gzip.compress(response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
        return response

    @app.route("/storage/<name>/<path:_path>", methods=["GET", "POST"])
    def storage(name: str, _path: str) -> Response:
        if METHODS.get(name) != request.method:
            abort(404)
        body = request.get_data()
        if name == "events" and not request.form.get("key", "").startswith("uploads/"):
            abort(403)  # LocalStack checks no form's signature, and `forget/` is for the functions alone
        asked = request.full_path.removeprefix(f"/storage/{name}").removesuffix("?")
        given = {header: request.headers[header] for header in PASSED_ON if header in request.headers}
        answer = requests.request(request.method, stores[name] + asked, headers=given, data=body, timeout=60)
        passed = {header: answer.headers[header] for header in PASSED_ON if header in answer.headers}
        return Response(answer.content, answer.status_code, {**passed, **headers})


def _headers(template: dict[str, Any]) -> dict[str, str]:
    config = template["Resources"]["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    return {
        "Content-Security-Policy": config["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": config["ReferrerPolicy"]["ReferrerPolicy"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": config["FrameOptions"]["FrameOption"],
    }
