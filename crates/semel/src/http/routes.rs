//! Every route, once: the router and `/openapi.json` are made from the same handlers.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use semel_core::problem::Code;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::{
    App, accounts, batch, dead_letters, events, health, ingests, pages, payments, refunds, schema,
};

/// The router over `app`.
pub(super) fn router(app: App) -> Router {
    let (router, _) = described().split_for_parts();
    router
        .fallback(async || Problem::not_found("There is nothing under this path"))
        .method_not_allowed_fallback(async || {
            let detail = "The header Allow names the methods that this resource takes";
            Problem::new(Code::MethodNotAllowed, detail)
        })
        .layer(from_fn(remember_route))
        .with_state(app)
}

/// The description of all routes (OpenAPI 3.1).
pub fn openapi() -> Document {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(schema::Description::openapi())
        .routes(routes!(payments::create, payments::list))
        .routes(routes!(batch::create))
        .routes(routes!(payments::show))
        .routes(routes!(refunds::create))
        .routes(routes!(refunds::show))
        .routes(routes!(accounts::open, accounts::list))
        .routes(routes!(accounts::show))
        .routes(routes!(accounts::close))
        .routes(routes!(accounts::entries))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::show))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(dead_letters::discard))
        .routes(routes!(ingests::list))
        .routes(routes!(ingests::show))
        .routes(routes!(events::follow))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(pages::description))
        .routes(routes!(pages::error))
}

/// Lets the answer say which route it came from, for the metrics.
async fn remember_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await.into_response();
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}
