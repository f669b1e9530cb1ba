package org.vcpusim.scenario;

import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import java.io.File;
import java.net.URL;
import java.util.List;

/** Refuses HOCON's includes: a scenario is one file, and reads no other file or address. */
record NoIncludes(String text, String origin)
        implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {

    private InputException refused(String what) {
        List<String> lines = text.lines().toList();
        int line = 1;
        while (line < lines.size() && !lines.get(line - 1).strip().startsWith("include")) {
            line++;
        }
        return new InputException(origin + ":" + line + ": include = " + Located.oneLine(what)
                + ": must be absent; a scenario is one file");
    }

    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
        return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
        throw refused(what);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
        throw refused(what.getPath());
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
        throw refused(what.toString());
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
        throw refused(what);
    }
}
