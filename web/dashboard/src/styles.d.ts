/** Type of imported style sheets, which the build bundles into `app.css`. */
declare module '*.css';
