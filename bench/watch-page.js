/**
 * The part of `npm run bench -- watch` that runs in the page: it waits until the page is painted, and scrolls
 * the page.
 */
globalThis.benchWatch = {
  /** @param {number} cells - number of timeline cells that must be drawn */
  painted: (cells) =>
    new Promise((resolve) => {
      const look = () => {
        const drawn =
          document.querySelectorAll('.timeline rect.cell').length >= cells &&
          document.querySelectorAll('.plot canvas').length > 0 &&
          document.querySelectorAll('.tile b').length >= 5;
        if (!drawn) {
          requestAnimationFrame(look);
          return;
        }
        const report = () =>
          resolve({
            firstMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
            fullMs: performance.now(),
          });
        // the complete frame is on the screen when the second frame after it starts
        requestAnimationFrame(() => requestAnimationFrame(report));
      };
      look();
    }),

  /** Scrolls the page down and up, and the timeline along its length. @param {number} lastMs - duration */
  scrolled: (lastMs) =>
    new Promise((resolve) => {
      const frames = [];
      const tasks = [];
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
      }).observe({ type: 'longtask' });
      const timeline = document.querySelector('.scroller');
      const startMs = performance.now();
      let beforeMs = startMs;
      const frame = () => {
        const nowMs = performance.now();
        frames.push(nowMs - beforeMs);
        beforeMs = nowMs;
        const way = Math.sin((2 * Math.PI * (nowMs - startMs)) / lastMs - Math.PI / 2) / 2 + 0.5;
        scrollTo(0, way * (document.documentElement.scrollHeight - innerHeight));
        timeline.scrollLeft = way * timeline.scrollWidth;
        if (nowMs - startMs < lastMs) requestAnimationFrame(frame);
        else setTimeout(() => resolve({ frames: frames.slice(1), tasks }), 200);
      };
      requestAnimationFrame(frame);
    }),
};
