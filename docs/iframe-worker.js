/* From file:// a browser starts no worker, and the search runs in one: there a frame that is not seen takes its place. */
(() => {
  if (location.protocol !== "file:") return;
  const load = (frame, url) => new Promise((done, failed) => {
    const script = frame.contentDocument.createElement("script");
    script.src = url;
    script.onload = done;
    script.onerror = () => failed(new Error(`${url} cannot be loaded`));
    frame.contentDocument.head.append(script);
  });
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      inner.postMessage = (data) => {
        this.answer(new MessageEvent("message", { data: structuredClone(data) }));
      };
      inner.importScripts = (...urls) =>
        urls.reduce((before, each) => before.then(() => load(this.frame, each)), Promise.resolve());
      load(this.frame, new URL(url, document.baseURI).href).then(
        () => {
          for (const data of this.waiting.splice(0)) this.hand(data);
          this.waiting = null;
        },
        (error) => this.dispatchEvent(new ErrorEvent("error", { error, message: error.message })),
      );
    }
    answer(event) {
      if (typeof this.onmessage === "function") this.onmessage(event);
      this.dispatchEvent(event);
    }
    hand(data) {
      const inner = this.frame.contentWindow;
      inner.dispatchEvent(new inner.MessageEvent("message", { data }));
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.hand(data);
    }
    terminate() {
      this.frame.remove();
    }
  };
})();
