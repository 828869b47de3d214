// Draws the panels of page.json on a grid as Grafana's, with the components of Perses.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { CssBaseline, ThemeProvider } from '@mui/material';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { ChartsProvider, SnackbarProvider, generateChartsTheme, getTheme } from '@perses-dev/components';
import { DatasourceStoreProvider, Panel, VariableProvider } from '@perses-dev/dashboards';
import {
  DataQueriesProvider, PluginRegistry, TimeRangeProvider, dynamicImportPluginLoader,
} from '@perses-dev/plugin-system';
import * as prometheus from '@perses-dev/prometheus-plugin';
import * as stat from '@perses-dev/stat-chart-plugin';
import * as table from '@perses-dev/table-plugin';
import * as timeseries from '@perses-dev/timeseries-chart-plugin';

// Perses maps values to words for a whole table, Grafana for a column: here, by the query's place.
const worded = (results, words) =>
  results.map((result, place) =>
    words?.[place] && result.data
      ? {
          ...result,
          data: {
            ...result.data,
            series: result.data.series.map((series) => ({
              ...series,
              values: series.values.map(([time, value]) => [time, words[place][value] ?? value]),
            })),
          },
        }
      : result
  );
const WordedTable = {
  ...table.Table,
  PanelComponent: (props) => {
    const results = React.useMemo(
      () => worded(props.queryResults, props.spec.words), [props.queryResults, props.spec.words]
    );
    return <table.Table.PanelComponent {...props} queryResults={results} />;
  },
};

const loader = dynamicImportPluginLoader(
  [prometheus, stat, { ...table, Table: WordedTable }, timeseries].map((module) => ({
    resource: module.getPluginModule(),
    importPlugin: () => Promise.resolve(module),
  }))
);
const datasource = {
  kind: 'GlobalDatasource',
  metadata: { name: 'prometheus' },
  spec: {
    default: true,
    plugin: {
      kind: 'PrometheusDatasource',
      spec: { directUrl: '/prometheus', scrapeInterval: '1s' },
    },
  },
};
const datasources = {
  getDatasource: () => Promise.resolve(undefined),
  getGlobalDatasource: () => Promise.resolve(datasource),
  listDatasources: () => Promise.resolve([]),
  listGlobalDatasources: () => Promise.resolve([datasource]),
};
const client = new QueryClient({
  defaultOptions: { queries: { refetchOnWindowFocus: false, retry: false } },
});
const theme = getTheme('light');
const UNIT = 30; // pixels of a grid's row, as Grafana's

function Drawn({ panel }) {
  const place = {
    position: 'absolute',
    left: `${(panel.x / 24) * 100}%`,
    width: `${(panel.w / 24) * 100}%`,
    top: panel.y * UNIT,
    height: panel.h * UNIT,
    padding: 3,
    boxSizing: 'border-box',
  };
  if (panel.row) return <div style={{ ...place, font: '600 15px sans-serif' }}>{panel.row}</div>;
  return (
    <div style={place}>
      <DataQueriesProvider definitions={panel.queries} options={panel.options}>
        <Panel definition={panel.definition} />
      </DataQueriesProvider>
    </div>
  );
}

function Page({ page }) {
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <ChartsProvider chartsTheme={generateChartsTheme(theme, {})}>
        <SnackbarProvider>
          <QueryClientProvider client={client}>
            <PluginRegistry pluginLoader={loader}>
              <TimeRangeProvider timeRange={{ start: new Date(page.start), end: new Date(page.end) }}>
                <VariableProvider initialVariableDefinitions={[]}>
                  <DatasourceStoreProvider datasourceApi={datasources}>
                    <div style={{ position: 'relative' }}>
                      {page.panels.map((panel, number) => <Drawn key={number} panel={panel} />)}
                    </div>
                  </DatasourceStoreProvider>
                </VariableProvider>
              </TimeRangeProvider>
            </PluginRegistry>
          </QueryClientProvider>
        </SnackbarProvider>
      </ChartsProvider>
    </ThemeProvider>
  );
}

fetch('page.json')
  .then((answer) => answer.json())
  .then((page) => createRoot(document.getElementById('root')).render(<Page page={page} />));
