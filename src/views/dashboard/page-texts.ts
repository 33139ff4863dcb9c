/** The page in `page/`, bundled, as three texts. `npm run build` puts them in place of this file. */
export declare const html: string
export declare const css: string
export declare const js: string
