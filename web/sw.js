// Lets the page start without a network: whatever was loaded last is kept, and used when the network does not answer.

const CACHE = "page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const ofPage = origin === self.location.origin && !/^\/(api|storage|_local)\//.test(pathname);
  if (event.request.method === "GET" && ofPage) event.respondWith(newestOf(event.request));
});

async function newestOf(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
}
